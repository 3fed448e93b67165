/// The name of a relation or of another thing in the catalog: one to three parts.
///
/// Parts keep the case in which they were written; DuckDB compares names without case, and so does
/// ``matches(_:)``. `a.b` may be schema and name or catalog and name, which only the catalog can say.
public struct QualifiedName: Hashable, Sendable {
  /// Not empty. More than three parts are possible in a text and in no catalog.
  public var parts: [String]

  public init(parts: [String]) { self.parts = parts }

  public init(_ parts: String...) { self.parts = parts }

  public var name: String { parts.last ?? "" }

  /// The part before the name. For a name of two parts this may be a catalog.
  public var schema: String? { parts.count > 1 ? parts[parts.count - 2] : nil }

  /// The part before the schema, if there are three.
  public var catalog: String? { parts.count > 2 ? parts[parts.count - 3] : nil }

  /// Whether the two are spelled alike, without regard to the case of ASCII letters.
  public func matches(_ other: QualifiedName) -> Bool {
    parts.count == other.parts.count
      && zip(parts, other.parts).allSatisfy { $0.lowercased() == $1.lowercased() }
  }
}

extension QualifiedName: CustomStringConvertible {
  /// As it may stand in a statement, quoted where that is necessary.
  public var description: String { parts.map(quotedIfNeeded).joined(separator: ".") }
}
