internal import Columnar

/// How wide each column of a table is, which ones are shown, and the lines made from that.
struct TableLayout {
  enum Rule {
    case top, middle, bottom
  }

  /// Columns are made narrower down to this before whole columns are left out.
  static let minWidth = 8

  /// Index of the column, or nil for the place where columns were left out.
  private var places: [Int?]
  private var widths: [Int]
  private let isRight: [Bool]
  private let names: [String]
  private let types: [String]

  init(schema: Schema, rows: [[String]], lineWidth: Int?) {
    names = schema.fields.map { TextWidth.visible($0.name) }
    types = schema.fields.map { TypeNames.name(of: $0) }
    isRight = schema.fields.map { TypeNames.isRightAligned($0.type) }
    widths = zip(names, types).map { max(TextWidth.of($0), TextWidth.of($1), 1) }
    places = Array(names.indices)
    for row in rows {
      for (column, cell) in row.enumerated() where column < widths.count {
        widths[column] = max(widths[column], TextWidth.of(cell))
      }
    }
    if let lineWidth { fit(into: lineWidth) }
  }

  /// The widest columns give way first; then columns in the middle are left out.
  private mutating func fit(into lineWidth: Int) {
    guard lineLength > lineWidth else { return }
    let cap = widestCap(for: lineWidth)
    widths = widths.map { min($0, cap) }
    var total = lineLength
    // The gap takes a place of its own, one cell wide.
    while total > lineWidth && places.count > 2 {
      let gap = places.firstIndex(of: nil)
      let removed = gap.map { $0 < (places.count + 1) / 2 ? $0 + 1 : $0 - 1 } ?? places.count / 2
      total -= width(at: places[removed]) + 3
      if gap != nil {
        places.remove(at: removed)
      } else {
        places[removed] = nil
        total += width(at: nil) + 3
      }
    }
  }

  /// The largest width that no column may exceed so that the line fits, at least ``minWidth``.
  private func widestCap(for lineWidth: Int) -> Int {
    var (low, high) = (Self.minWidth, max(Self.minWidth, widths.max() ?? 0))
    while low < high {
      let middle = (low + high + 1) / 2
      let length = widths.reduce(1) { $0 + min($1, middle) + 3 }
      if length <= lineWidth { low = middle } else { high = middle - 1 }
    }
    return low
  }

  private var lineLength: Int { places.reduce(1) { $0 + width(at: $1) + 3 } }

  private func width(at place: Int?) -> Int { place.map { widths[$0] } ?? 1 }

  /// Border, names, types, border.
  var header: String {
    guard !places.isEmpty else { return "" }
    let centred = places.map { place in
      center(place.map { names[$0] } ?? "…", width(at: place))
    }
    let kinds = places.map { place in
      center(place.map { types[$0] } ?? "", width(at: place))
    }
    return rule(.top) + bordered(centred) + bordered(kinds) + rule(.middle)
  }

  func line(_ cells: [String]) -> String {
    guard !places.isEmpty else { return "" }
    return bordered(
      places.map { place in
        guard let column = place else { return "…" }
        let cell = settings(cells, column)
        return TextWidth.pad(cell, to: widths[column], isRight: isRight[column])
      })
  }

  private func settings(_ cells: [String], _ column: Int) -> String {
    guard cells.indices.contains(column) else { return "" }
    return TextWidth.cut(cells[column], to: widths[column])
  }

  func rule(_ rule: Rule) -> String {
    guard !places.isEmpty else { return "" }
    let (left, cross, right) =
      switch rule {
      case .top: ("┌", "┬", "┐")
      case .middle: ("├", "┼", "┤")
      case .bottom: ("└", "┴", "┘")
      }
    let parts = places.map { String(repeating: "─", count: width(at: $0) + 2) }
    return left + parts.joined(separator: cross) + right + "\n"
  }

  private func bordered(_ cells: [String]) -> String {
    "│ " + cells.joined(separator: " │ ") + " │\n"
  }

  private func center(_ text: String, _ width: Int) -> String {
    let cut = TextWidth.cut(text, to: width)
    let space = width - TextWidth.of(cut)
    return String(repeating: " ", count: space / 2) + cut
      + String(repeating: " ", count: space - space / 2)
  }
}
