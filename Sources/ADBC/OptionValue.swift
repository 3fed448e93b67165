import CADBC

/// The value of an option of a database, a connection or a statement. Most drivers know text only.
public enum OptionValue: Hashable, Sendable {
  case text(String)
  case bytes([UInt8])
  case int(Int64)
  case double(Double)
}

extension OptionValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral
{
  public init(stringLiteral value: String) { self = .text(value) }
  /// ADBC writes truth as text.
  public init(booleanLiteral value: Bool) { self = .text(value ? "true" : "false") }
  public init(integerLiteral value: Int64) { self = .int(value) }
}

/// C ends a text at a zero: what follows would be left out without a word.
func refuseZero(in texts: [String?]) throws(ADBCError) {
  guard texts.contains(where: { $0?.utf8.contains(0) == true }) else { return }
  throw ADBCError(.invalidArgument, "a text for the database contains a zero byte")
}

/// The eight functions that set and get options of one kind of handle.
@safe
struct OptionFunctions<Handle> {
  typealias Key = UnsafePointer<CChar>?
  typealias Failure = UnsafeMutablePointer<AdbcError>?
  typealias Target = UnsafeMutablePointer<Handle>

  let setText: (Target?, Key, UnsafePointer<CChar>?, Failure) -> AdbcStatusCode
  let setBytes: (Target?, Key, UnsafePointer<UInt8>?, Int, Failure) -> AdbcStatusCode
  let setInt: (Target?, Key, Int64, Failure) -> AdbcStatusCode
  let setDouble: (Target?, Key, Double, Failure) -> AdbcStatusCode
  let getText:
    (Target?, Key, UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<Int>?, Failure) ->
      AdbcStatusCode
  let getBytes:
    (Target?, Key, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int>?, Failure) ->
      AdbcStatusCode
  let getInt: (Target?, Key, UnsafeMutablePointer<Int64>?, Failure) -> AdbcStatusCode
  let getDouble: (Target?, Key, UnsafeMutablePointer<Double>?, Failure) -> AdbcStatusCode

  func set(_ name: String, _ value: OptionValue, of target: Target, _ call: Call) throws(ADBCError)
  {
    try refuseZero(in: [name, value.textValue])
    try unsafe call.check { error in
      switch value {
      case .text(let text): unsafe setText(target, name, text, error)
      case .bytes(let bytes): unsafe setBytes(target, name, bytes, bytes.count, error)
      case .int(let number): unsafe setInt(target, name, number, error)
      case .double(let number): unsafe setDouble(target, name, number, error)
      }
    }
  }

  /// The driver says how much room the value needs, so at most two calls.
  func text(_ name: String, of target: Target, _ call: Call) throws(ADBCError) -> String {
    var room = [CChar](repeating: 0, count: 256)
    while true {
      var length = room.count
      try unsafe call.check { error in unsafe getText(target, name, &room, &length, error) }
      if length <= room.count {
        // The length counts the zero at the end.
        let bytes = room.prefix(max(length, 0)).prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
      }
      room = [CChar](repeating: 0, count: length)
    }
  }

  func bytes(_ name: String, of target: Target, _ call: Call) throws(ADBCError) -> [UInt8] {
    var room = [UInt8](repeating: 0, count: 256)
    while true {
      var length = room.count
      try unsafe call.check { error in unsafe getBytes(target, name, &room, &length, error) }
      if length <= room.count { return Array(room.prefix(max(length, 0))) }
      room = [UInt8](repeating: 0, count: length)
    }
  }

  func int(_ name: String, of target: Target, _ call: Call) throws(ADBCError) -> Int64 {
    var value: Int64 = 0
    try unsafe call.check { error in unsafe getInt(target, name, &value, error) }
    return value
  }

  func double(_ name: String, of target: Target, _ call: Call) throws(ADBCError) -> Double {
    var value = 0.0
    try unsafe call.check { error in unsafe getDouble(target, name, &value, error) }
    return value
  }
}

extension OptionFunctions<AdbcDatabase> {
  static var database: Self {
    unsafe Self(
      setText: AdbcDatabaseSetOption, setBytes: AdbcDatabaseSetOptionBytes,
      setInt: AdbcDatabaseSetOptionInt, setDouble: AdbcDatabaseSetOptionDouble,
      getText: AdbcDatabaseGetOption, getBytes: AdbcDatabaseGetOptionBytes,
      getInt: AdbcDatabaseGetOptionInt, getDouble: AdbcDatabaseGetOptionDouble)
  }
}

extension OptionFunctions<AdbcConnection> {
  static var connection: Self {
    unsafe Self(
      setText: AdbcConnectionSetOption, setBytes: AdbcConnectionSetOptionBytes,
      setInt: AdbcConnectionSetOptionInt, setDouble: AdbcConnectionSetOptionDouble,
      getText: AdbcConnectionGetOption, getBytes: AdbcConnectionGetOptionBytes,
      getInt: AdbcConnectionGetOptionInt, getDouble: AdbcConnectionGetOptionDouble)
  }
}

extension OptionFunctions<AdbcStatement> {
  static var statement: Self {
    unsafe Self(
      setText: AdbcStatementSetOption, setBytes: AdbcStatementSetOptionBytes,
      setInt: AdbcStatementSetOptionInt, setDouble: AdbcStatementSetOptionDouble,
      getText: AdbcStatementGetOption, getBytes: AdbcStatementGetOptionBytes,
      getInt: AdbcStatementGetOptionInt, getDouble: AdbcStatementGetOptionDouble)
  }
}
