internal import NIOHPACK

/// The headers or trailers of a call: an ordered list of names and values.
///
/// Names are lower-case ASCII; a name that ends in `-bin` holds bytes, base64 on the wire. Names that
/// belong to the transport (`:path`, `te`, `content-type`, `grpc-…`) are not part of the sequence,
/// but ``first(_:)`` finds those that arrived.
public struct GRPCMetadata: Sendable, Hashable {
  /// The block as HTTP/2 carries it, so that nothing is converted for calls that never look.
  var headers: HPACKHeaders

  public init() {
    headers = HPACKHeaders()
  }

  public init(_ entries: [(name: String, value: String)]) {
    self.init()
    for entry in entries { add(entry.name, entry.value) }
  }

  init(received headers: HPACKHeaders) {
    self.headers = headers
  }

  /// The first value of `name`.
  public func first(_ name: String) -> String? {
    headers.first(name: name)
  }

  /// Every value of `name`, in the order sent. Lists within a value are not split.
  public func all(_ name: String) -> [String] {
    headers[name]
  }

  /// The bytes of the first value of `name`, which ends in `-bin`; `nil` if absent or not base64.
  public func binary(_ name: String) -> [UInt8]? {
    guard let value = headers.first(name: name) else { return nil }
    // Several binary values may travel joined by commas; the first one counts.
    let end = value.utf8.firstIndex(of: UInt8(ascii: ",")) ?? value.utf8.endIndex
    return Base64.decode(value.utf8[..<end])
  }

  /// Adds a value at the end. Characters that HTTP/2 forbids in a value become `?`.
  ///
  /// - Parameter name: Made lower-case here.
  public mutating func add(_ name: String, _ value: String) {
    headers.add(name: Self.asciiLowercased(name), value: Self.printable(value))
  }

  /// Adds bytes at the end, under a name that ends in `-bin` (the ending is added if missing).
  public mutating func addBinary(_ name: String, _ bytes: some Sequence<UInt8>) {
    let name = Self.asciiLowercased(name)
    headers.add(name: name.hasSuffix("-bin") ? name : name + "-bin", value: Base64.encode(bytes))
  }

  /// Adds all of `other` at the end.
  public mutating func add(contentsOf other: GRPCMetadata) {
    for (name, value) in other { headers.add(name: name, value: value) }
  }

  public var isEmpty: Bool {
    !contains { _ in true }
  }

  private static func asciiLowercased(_ name: String) -> String {
    if name.utf8.allSatisfy({ !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }) {
      return name
    }
    return String(
      decoding: name.utf8.map {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0
      }, as: UTF8.self)
  }

  private static func printable(_ value: String) -> String {
    if value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return value }
    return String(
      decoding: value.utf8.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") },
      as: UTF8.self)
  }
}

extension GRPCMetadata: Sequence {
  public typealias Element = (name: String, value: String)

  public struct Iterator: IteratorProtocol {
    var base: HPACKHeaders.Iterator

    public mutating func next() -> Element? {
      while let entry = base.next() {
        if !GRPCMetadata.isReserved(entry.name) { return (entry.name, entry.value) }
      }
      return nil
    }
  }

  public func makeIterator() -> Iterator {
    Iterator(base: headers.makeIterator())
  }

  static func isReserved(_ name: String) -> Bool {
    name.utf8.first == UInt8(ascii: ":") || name == "te" || name == "content-type"
      || name.hasPrefix("grpc-") && !name.hasPrefix("grpc-status-details")
  }
}

extension GRPCMetadata: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, String)...) {
    self.init()
    for (name, value) in elements { add(name, value) }
  }
}
