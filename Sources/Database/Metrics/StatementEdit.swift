import SQL

/// A statement with some of its text replaced. Edits may come in any order and must not overlap.
struct StatementEdit {
  private let statement: StatementText
  /// Byte ranges of the source and what stands there instead.
  private var edits: [(range: Range<Int>, text: String)] = []

  init(_ statement: StatementText) { self.statement = statement }

  mutating func replace(tokens: Range<Int>, with text: String) {
    guard let range = statement.source.byteRange(ofTokens: tokens) else { return }
    edits.append((range, text))
  }

  mutating func insert(_ text: String, beforeToken index: Int) {
    guard let range = statement.source.byteRange(ofTokens: index..<index + 1) else { return }
    edits.append((range.lowerBound..<range.lowerBound, text))
  }

  mutating func insert(_ text: String, afterToken index: Int) {
    guard let range = statement.source.byteRange(ofTokens: index..<index + 1) else { return }
    edits.append((range.upperBound..<range.upperBound, text))
  }

  /// The statement with all edits.
  var text: String {
    var result = ""
    var place = statement.byteRange.lowerBound
    for edit in edits.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
      if place < edit.range.lowerBound {
        result += statement.source.text(in: place..<edit.range.lowerBound)
      }
      result += edit.text
      place = max(place, edit.range.upperBound)
    }
    if place < statement.byteRange.upperBound {
      result += statement.source.text(in: place..<statement.byteRange.upperBound)
    }
    return result
  }
}

/// Items that commas outside brackets separate.
struct TopLevelList {
  /// The tokens of each item; empty items are left out.
  private(set) var items: [Range<Int>] = []

  init(_ source: SQLText, in tokens: Range<Int>) {
    var depth = 0
    var start = tokens.lowerBound
    for index in tokens.clamped(to: 0..<source.tokens.count) {
      let token = source.tokens[index]
      if token.isMark("(") || token.isMark("[") || token.isMark("{") { depth += 1 }
      if token.isMark(")") || token.isMark("]") || token.isMark("}") { depth -= 1 }
      if depth == 0, token.isMark(",") {
        if start < index { items.append(start..<index) }
        start = index + 1
      }
    }
    if start < tokens.upperBound { items.append(start..<tokens.upperBound) }
  }
}
