/// A connection string as users write it.
public struct ConnectionURI {
  static func isSecret(_ name: String) -> Bool { name.lowercased().contains("password") }
  static func secrets(in uri: String) -> [String] { [] }
}
