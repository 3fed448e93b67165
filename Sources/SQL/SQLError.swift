/// A place in a statement.
public struct SourcePosition: Hashable, Sendable {
  /// Bytes of UTF-8 before it.
  public var byteOffset: Int
  /// 1 for the first line.
  public var line: Int
  /// 1 for the first character of the line; a character is a Unicode scalar.
  public var column: Int

  public init(byteOffset: Int, line: Int, column: Int) {
    self.byteOffset = byteOffset
    self.line = line
    self.column = column
  }
}

/// Why a statement was not understood or not accepted: one sentence, and where.
///
/// A struct rather than an enum: callers show it to the person who wrote the statement; nobody
/// decides by its kind, except whether it is a mistake or a refusal.
public struct SQLError: Error, Hashable, Sendable {
  /// Who has to act.
  public enum Kind: Hashable, Sendable {
    /// The text is not SQL as the dialect has it, or asks for something that cannot be done.
    case invalid
    /// The text is fine, but the policy of the server does not allow it.
    case refused
  }

  public var kind: Kind
  /// One sentence for a person.
  public var message: String
  /// Where, if one place is to blame.
  public var position: SourcePosition?

  public init(_ message: String, kind: Kind = .invalid, at position: SourcePosition? = nil) {
    self.kind = kind
    self.message = message
    self.position = position
  }
}

extension SQLError: CustomStringConvertible {
  public var description: String {
    guard let position else { return message }
    return "\(message) (line \(position.line), column \(position.column))"
  }
}
