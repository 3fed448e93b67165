/// Texts that must not appear in messages, and their removal.
public struct Redaction: Hashable, Sendable {
  /// What stands in place of a secret.
  public static let mark = "***"

  /// Shorter secrets are removed only where they stand alone, or a password `a` would leave no word readable.
  private static let shortByteCount = 4

  /// The longest first, so that none is cut by one that is a part of it.
  private let secrets: [[UInt8]]

  public init(_ secrets: some Sequence<String>) {
    let distinct = Set(secrets.map { Array($0.utf8) }.filter { !$0.isEmpty })
    self.secrets = distinct.sorted {
      $0.count == $1.count ? $0.lexicographicallyPrecedes($1) : $0.count > $1.count
    }
  }

  public static let none = Redaction([])

  /// `text` without the secrets.
  public func apply(to text: String) -> String {
    guard !secrets.isEmpty else { return text }
    let bytes = Array(text.utf8)
    let cleaned = apply(to: bytes)
    return cleaned == bytes ? text : String(decoding: cleaned, as: UTF8.self)
  }

  /// `bytes` without the secrets.
  public func apply(to bytes: [UInt8]) -> [UInt8] {
    guard !secrets.isEmpty else { return bytes }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var position = 0
    while position < bytes.count {
      if let secret = secrets.first(where: { isPresent($0, in: bytes, at: position) }) {
        result += Array(Self.mark.utf8)
        position += secret.count
      } else {
        result.append(bytes[position])
        position += 1
      }
    }
    return result
  }

  private func isPresent(_ secret: [UInt8], in bytes: [UInt8], at position: Int) -> Bool {
    let end = position + secret.count
    guard end <= bytes.count, bytes[position] == secret[0],
      bytes[position..<end].elementsEqual(secret)
    else { return false }
    guard secret.count < Self.shortByteCount else { return true }
    let startsWord = position == 0 || !Self.isWord(bytes[position - 1])
    let endsWord = end == bytes.count || !Self.isWord(bytes[end])
    return startsWord && endsWord
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }
}
