import Columnar
import Dataflow
import TestSupport
import Testing

@Suite struct `Running aggregates` {
  private struct Row {
    var key: String?
    var time: Int64?
    var value: Double?
  }

  private struct Group: Hashable {
    var key: String?
    var window: Int64
  }

  private let window = RunningWindow(microseconds: 100)

  private func rows(_ rows: [Row]) -> RunningRows {
    RunningRows(
      keys: [.strings(rows.map(\.key))],
      times: .fixedWidth(.timestamp(.microsecond, timeZone: "UTC"), rows.map(\.time)),
      values: [.doubles(rows.map(\.value))], window: window)
  }

  private func texts(_ columns: [Column], _ row: Int) -> [String] {
    columns.map { $0.string(at: row) ?? "NULL" }
  }

  @Test func `equal sums made row by row, also when batches are taken back`() {
    let seed = UInt64.random(in: .min ... .max)
    print("seed of running aggregates: \(seed)")
    var random = SeededRandom(seed: seed)
    var aggregates = RunningAggregates(valueCount: 1, seed: random.next())
    var sums: [Group: (sum: Double, count: Int64)] = [:]
    let keys: [String?] =
      (0..<40).map { "m\($0)-" + String(repeating: "x", count: $0) } + [nil, ""]
    for _ in 0..<300 {
      let batch = (0..<Int.random(in: 1...50, using: &random)).map { _ in
        Row(
          key: keys.randomElement(using: &random) ?? nil,
          time: Int.random(in: 0..<30, using: &random) == 0
            ? nil : Int64.random(in: -500...500, using: &random),
          value: Bool.random(using: &random) ? Double.random(in: -9...9, using: &random) : nil)
      }
      let input = rows(batch)
      aggregates.begin(aggregates.missingWindows(of: input))
      let (columns, undo) = aggregates.add(input)
      if Int.random(in: 0..<4, using: &random) == 0 {
        aggregates.undo(undo)
        continue
      }
      aggregates.keep(undo)
      let found = columns.columns(ofValue: 0)
      for (index, row) in batch.enumerated() {
        guard let time = row.time else {
          #expect(texts(found, index) == ["NULL", "NULL", "0"])
          continue
        }
        let group = Group(key: row.key, window: window.start(of: time))
        if let value = row.value {
          sums[group, default: (0, 0)].sum += value
          sums[group, default: (0, 0)].count += 1
        }
        let (sum, count) = sums[group, default: (0, 0)]
        let expected = Column.doubles(count == 0 ? [nil, nil] : [sum, sum / Double(count)])
        #expect(
          texts(found, index)
            == [
              expected.string(at: 0) ?? "NULL", expected.string(at: 1) ?? "NULL", "\(count)",
            ])
      }
    }
  }

  @Test func `windows that were let go of can be folded again`() {
    var aggregates = RunningAggregates(valueCount: 1, seed: 7)
    let first = rows([Row(key: "a", time: 5, value: 1), Row(key: "a", time: 105, value: 2)])
    aggregates.begin(aggregates.missingWindows(of: first))
    let (_, undo) = aggregates.add(first)
    aggregates.trim(toByteCount: 0)
    #expect(aggregates.windowCount == 2, "what may be taken back stays")
    aggregates.keep(undo)
    let later = rows([Row(key: "b", time: 205, value: 2)])
    aggregates.begin(aggregates.missingWindows(of: later))
    aggregates.keep(aggregates.add(later).1)
    aggregates.trim(toByteCount: 0)
    #expect(aggregates.missingWindows(of: first) == [0, 100])

    var again = RunningAggregates(valueCount: 1, seed: 8)
    again.begin([0])
    again.fold(first)
    aggregates.adopt(again)
    #expect(aggregates.missingWindows(of: first) == [100])
    let (columns, _) = aggregates.add(rows([Row(key: "a", time: 6, value: 4)]))
    #expect(texts(columns.columns(ofValue: 0), 0) == ["5.0", "2.5", "2"])
  }

  @Test func `rows are taken back from a window that was folded elsewhere, whatever was folded`() {
    for foldedCount in 1...5 {
      let row = [Row(key: "a", time: 10, value: 1)]
      var elsewhere = RunningAggregates(valueCount: 1, seed: 7)
      elsewhere.begin(elsewhere.missingWindows(of: rows(row)))
      for _ in 0..<foldedCount { elsewhere.fold(rows(row)) }
      // What a server does first: it reads the window, and gets a row again that it has.
      for addedBefore in 0..<5 {
        var aggregates = RunningAggregates(valueCount: 1, seed: 8)
        let other = rows([Row(key: "b", time: 500, value: 1)])
        aggregates.begin(aggregates.missingWindows(of: other))
        for _ in 0..<addedBefore { _ = aggregates.add(other) }
        aggregates.adopt(elsewhere)
        aggregates.undo(aggregates.add(rows(row)).1)
        let (columns, _) = aggregates.add(rows(row))
        #expect(texts(columns.columns(ofValue: 0), 0)[2] == "\(foldedCount + 1)")
      }
    }
  }

  @Test func `a million metrics take at most 200 bytes each`() {
    var aggregates = RunningAggregates(valueCount: 1, seed: 7)
    aggregates.begin([0])
    let step = 10_000
    for start in stride(from: 0, to: 1_000_000, by: step) {
      let batch = (start..<(start + step)).map { Row(key: "host\($0).cpu", time: 5, value: 1) }
      aggregates.keep(aggregates.add(rows(batch)).1)
    }
    #expect(aggregates.keyCount == 1_000_000)
    let perKey = aggregates.byteCount / aggregates.keyCount
    print("bytes of a metric: \(perKey)")
    #expect(perKey <= 200)
  }

  @Test func `keys of several columns are told apart, NULL and empty text too`() {
    func rows(_ left: [String?], _ right: [Int64?]) -> RunningRows {
      RunningRows(
        keys: [.strings(left), .int64s(right)],
        times: .fixedWidth(
          .timestamp(.microsecond, timeZone: nil), left.map { _ in Int64?.some(1) }),
        values: [.int64s(left.map { _ in 1 })], window: window)
    }
    var aggregates = RunningAggregates(valueCount: 1, seed: 7)
    aggregates.begin([0])
    let (columns, _) = aggregates.add(
      rows(["a", "a", "", nil, "a", nil, ""], [1, 2, 1, 1, 1, 1, nil]))
    let counts = columns.columns(ofValue: 0)[2]
    #expect((0..<7).map { counts.string(at: $0) } == ["1", "1", "1", "1", "2", "2", "1"])
  }
}
