/// A fact about the server.
enum SQLInfoValue: Hashable, Sendable {
  /// Nil: there is no such thing, as the version of a plan format that is not supported.
  case string(String?)
  case bool(Bool)
  /// Limits: 0 means none, or not known.
  case bigint(Int64)
  /// A choice out of a list, or a set of them as bits.
  case int32(Int32)
  case strings([String])
  case map([Entry])

  struct Entry: Hashable, Sendable {
    var key: Int32
    var values: [Int32]
  }

  /// The position of its kind among the children of the union.
  var kind: Int {
    switch self {
    case .string: 0
    case .bool: 1
    case .bigint: 2
    case .int32: 3
    case .strings: 4
    case .map: 5
    }
  }

  /// A set of choices: bit `n` stands for choice `n`.
  static func bits(_ choices: Int32...) -> SQLInfoValue {
    .int32(choices.reduce(0) { $0 | 1 << $1 })
  }
}
