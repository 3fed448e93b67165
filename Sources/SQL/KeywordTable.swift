/// Finds the keyword that a word is, without making a string of it.
///
/// A word of at most 16 bytes is packed, in lower case, into two integers, which are looked up in a
/// table with open addressing. It is built once and never changes.
struct KeywordTable: Sendable {
  static let shared = KeywordTable()

  /// Longer words are names.
  static let maxByteCount = 16

  struct Packed: Hashable, Sendable {
    var low: UInt64 = 0
    var high: UInt64 = 0

    /// Adds one byte as the `index`-th (0–15) of the word; ASCII letters in lower case.
    @inline(__always)
    mutating func add(_ byte: UInt8, at index: Int) {
      let isUpper = byte &- 0x41 < 26
      let lowered = UInt64(isUpper ? byte | 0x20 : byte)
      if index < 8 {
        low |= lowered &<< UInt64(index &* 8)
      } else {
        high |= lowered &<< UInt64((index &- 8) &* 8)
      }
    }

    @inline(__always)
    var slot: Int {
      let mixed = (low ^ (high &* 0x9E37_79B9_7F4A_7C15)) &* 0xD6E8_FEB8_6659_FD93
      return Int(truncatingIfNeeded: mixed >> 53)
    }
  }

  private struct Entry: Sendable {
    var word: Packed
    var keyword: Keyword?
  }

  /// 2,048 slots for some 500 words, so that most look-ups end at the first.
  private var entries: [Entry]
  private var categories: [Keyword: KeywordCategory] = [:]

  private init() {
    entries = Array(repeating: Entry(word: Packed(), keyword: nil), count: 2_048)
    var category = KeywordCategory.reserved
    for keyword in Keyword.allCases {
      if let start = Keyword.categoryStarts.first(where: { $0.first == keyword }) {
        category = start.category
      }
      categories[keyword] = category
      var word = Packed()
      for (index, byte) in keyword.rawValue.utf8.enumerated() { word.add(byte, at: index) }
      var slot = word.slot
      while entries[slot].keyword != nil { slot = (slot + 1) & 2_047 }
      entries[slot] = Entry(word: word, keyword: keyword)
    }
  }

  @inline(__always)
  func keyword(of word: Packed) -> Keyword? {
    var slot = word.slot
    while let keyword = entries[slot].keyword {
      if entries[slot].word == word { return keyword }
      slot = (slot &+ 1) & 2_047
    }
    return nil
  }

  func keyword(of word: some StringProtocol) -> Keyword? {
    var packed = Packed()
    var count = 0
    for byte in word.utf8 {
      guard count < Self.maxByteCount else { return nil }
      packed.add(byte, at: count)
      count += 1
    }
    return count == 0 ? nil : keyword(of: packed)
  }

  func category(of keyword: Keyword) -> KeywordCategory { categories[keyword] ?? .name }
}
