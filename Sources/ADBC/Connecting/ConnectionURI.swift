/// A connection string as users write it, in its parts. Percent-encoding is kept as it is, except where a value is asked for.
///
///     postgresql://user:password@host:5432/database?name=value#fragment
///
/// Text that does not begin with a scheme, such as a path or libpq's `host=… password=…`, is all `rest`.
public struct ConnectionURI: Hashable, Sendable {
  /// A pair of the query, as written.
  public struct Parameter: Hashable, Sendable {
    public var name: String
    /// `nil` without a sign of equality.
    public var value: String?

    public init(_ name: String, _ value: String?) {
      self.name = name
      self.value = value
    }

    /// With percent-encoding undone.
    public var decodedName: String { PercentCoding.decode(name) }
    public var decodedValue: String { PercentCoding.decode(value ?? "") }

    var text: String { value.map { "\(name)=\($0)" } ?? name }
  }

  /// In lower case; `nil` without one.
  public var scheme: String?
  /// Whether `//` follows the scheme.
  public var hasAuthority = false
  /// As written, without the password.
  public var encodedUser: String?
  public var encodedPassword: String?
  /// Hosts and ports.
  public var host = ""
  /// What follows the authority, or the scheme, up to the query; or all of a text without a scheme.
  public var rest = ""
  public var parameters: [Parameter] = []
  public var fragment: String?

  public init(_ text: String) {
    guard let colon = Self.endOfScheme(text) else {
      rest = text
      return
    }
    scheme = text[..<colon].lowercased()
    var left = text[text.index(after: colon)...]
    if let hash = left.firstIndex(of: "#") {
      fragment = String(left[left.index(after: hash)...])
      left = left[..<hash]
    }
    if let mark = left.firstIndex(of: "?") {
      parameters = Self.parameters(left[left.index(after: mark)...])
      left = left[..<mark]
    }
    guard left.hasPrefix("//") else {
      rest = String(left)
      return
    }
    hasAuthority = true
    left = left.dropFirst(2)
    let end = left.firstIndex(of: "/") ?? left.endIndex
    readAuthority(left[..<end])
    rest = String(left[end...])
  }

  private mutating func readAuthority(_ text: Substring) {
    guard let at = text.lastIndex(of: "@") else {
      host = String(text)
      return
    }
    host = String(text[text.index(after: at)...])
    let credentials = text[..<at]
    guard let colon = credentials.firstIndex(of: ":") else {
      encodedUser = String(credentials)
      return
    }
    encodedUser = String(credentials[..<colon])
    encodedPassword = String(credentials[credentials.index(after: colon)...])
  }

  /// The colon behind `letter *(letter / digit / + / - / .)`. A single letter is no scheme.
  private static func endOfScheme(_ text: String) -> String.Index? {
    guard let colon = text.firstIndex(of: ":"), let first = text.utf8.first,
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first | 0x20)
    else { return nil }
    let isScheme = text[..<colon].utf8.dropFirst().allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"),
        UInt8(ascii: "."):
        true
      default: false
      }
    }
    return isScheme && text[..<colon].utf8.count > 1 ? colon : nil
  }

  private static func parameters(_ text: Substring) -> [Parameter] {
    text.split(separator: "&").map { pair in
      guard let sign = pair.firstIndex(of: "=") else { return Parameter(String(pair), nil) }
      return Parameter(String(pair[..<sign]), String(pair[pair.index(after: sign)...]))
    }
  }

  /// The user's name, decoded.
  public var user: String? { encodedUser.map(PercentCoding.decode) }
  public var password: String? { encodedPassword.map(PercentCoding.decode) }

  /// Puts it together again.
  public var text: String {
    guard let scheme else { return rest }
    var text = scheme + ":"
    if hasAuthority {
      text += "//"
      if encodedUser != nil || encodedPassword != nil {
        text += (encodedUser ?? "") + (encodedPassword.map { ":" + $0 } ?? "") + "@"
      }
      text += host
    }
    text += rest
    if !parameters.isEmpty { text += "?" + parameters.map(\.text).joined(separator: "&") }
    return text + (fragment.map { "#" + $0 } ?? "")
  }
}

/// `%41` for bytes that have a meaning in a URI.
enum PercentCoding {
  /// Undoes the encoding; a `%` that begins no number stays.
  static func decode(_ text: String) -> String {
    let bytes = Array(text.utf8)
    guard bytes.contains(UInt8(ascii: "%")) else { return text }
    var decoded: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
        let high = nibble(bytes[index + 1]), let low = nibble(bytes[index + 2])
      {
        decoded.append(high << 4 | low)
        index += 3
      } else {
        decoded.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: decoded, as: UTF8.self)
  }

  /// Encodes all but letters, digits and `-._~`.
  static func encode(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        encoded.append(byte)
      default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }

  private static func nibble(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
