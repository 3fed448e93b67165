import Glibc

/// What to send, where to, and for how long.
struct Options {
  enum Kind: String {
    /// GetFlightInfo with the statement's text, then DoGet.
    case literal
    /// DoPut of the key to a prepared statement, GetFlightInfo, then DoGet.
    case prepared
    /// One DoAction.
    case action
    /// DoPut of one row, then queries until it is seen.
    case visible
    /// One DoPut with all messages of the file.
    case put
    /// One message more of a DoPut that stays open, until it is acknowledged.
    case stream
    /// The same, until the row was pushed to every subscriber of `sql`.
    case pushed
  }

  var host = "127.0.0.1"
  var port = 0
  var kind = Kind.literal
  var clients = 1
  var loops = 1
  var seconds = 3.0
  /// Requests before the clock starts, for each client.
  var warmUp = 200
  /// The statement; `{key}` becomes a key in a literal one.
  var sql = ""
  var action = ""
  /// Keys are 0 ..< keys.
  var keys: UInt64 = 1_000_000
  /// Calls that read `sql` while rows are put.
  var subscribers = 1
  /// A file of FlightData messages, each after its length as a 32-bit little-endian number.
  /// `{client}` in its name becomes the number of the client, from 0.
  var messages = ""

  init(_ arguments: [String]) throws(LoadError) {
    var rest = arguments[...]
    while let name = rest.popFirst() {
      guard let value = rest.popFirst() else { throw .usage("\(name) needs a value") }
      try set(name, value)
    }
    if port == 0 { throw .usage("--port is missing") }
  }

  private mutating func set(_ name: String, _ value: String) throws(LoadError) {
    switch name {
    case "--host": host = value
    case "--port": port = try number(name, value)
    case "--clients": clients = try number(name, value)
    case "--loops": loops = try number(name, value)
    case "--warm-up": warmUp = try number(name, value)
    case "--keys": keys = try number(name, value)
    case "--seconds": seconds = try number(name, value)
    case "--subscribers": subscribers = try number(name, value)
    case "--sql": sql = value
    case "--action": action = value
    case "--messages": messages = value
    case "--kind":
      guard let known = Kind(rawValue: value) else { throw .usage("\(name): \(value) is unknown") }
      kind = known
    default: throw .usage("\(name) is unknown")
    }
  }

  private func number<Value: LosslessStringConvertible>(
    _ name: String, _ value: String
  ) throws(LoadError) -> Value {
    guard let number = Value(value) else { throw .usage("\(name): \(value) is not a number") }
    return number
  }
}

/// The messages of a file, as written by the benchmark script.
func readMessages(_ path: String) throws(LoadError) -> [[UInt8]] {
  guard let file = unsafe fopen(path, "rb") else { throw .usage("\(path) cannot be read") }
  defer { unsafe _ = fclose(file) }
  var messages: [[UInt8]] = []
  while true {
    var head = [UInt8](repeating: 0, count: 4)
    guard unsafe fread(&head, 1, 4, file) == 4 else { return messages }
    let count = head.reversed().reduce(0) { $0 << 8 | Int($1) }
    var message = [UInt8](repeating: 0, count: count)
    guard unsafe fread(&message, 1, count, file) == count else {
      throw .usage("\(path) ends in the middle of a message")
    }
    messages.append(message)
  }
}
