import Database
import SQL
import TestSupport
import Testing

/// What is said to lie in a slice lies in it: DuckDB is asked.
struct SliceTests {
  private static let columns: [(name: String, type: AgreedType)] = [
    ("small", .int16), ("number", .int32), ("big", .int64), ("rel", .float32),
    ("dbl", .float64), ("who", .text), ("day", .date), ("moment", .timestamp),
  ]

  private static let table = CopiedTable(
    schema: nil, name: "t", isOnPath: true, relation: "t",
    columns: columns.map { CopiedColumn(name: $0.name, type: $0.type, isExact: true) })

  private func constant(_ type: AgreedType, _ random: inout SeededRandom) -> String {
    switch type {
    case .float32, .float64:
      "\(Int.random(in: -8...8, using: &random)).\([0, 25, 5].randomElement(using: &random) ?? 0)"
    case .text: "'\(["a", "b", "c"].randomElement(using: &random) ?? "")'"
    case .date: "'2026-01-0\(Int.random(in: 1...9, using: &random))'"
    case .timestamp:
      "'2026-01-0\(Int.random(in: 1...9, using: &random)) 0\(Int.random(in: 0...9, using: &random)):00:00'"
    default: "\(Int.random(in: -8...8, using: &random))"
    }
  }

  private func comparison(_ random: inout SeededRandom, isSlice: Bool) -> String {
    let (name, type) = Self.columns[Int.random(in: 0..<Self.columns.count, using: &random)]
    let value = constant(type, &random)
    if type == .text {
      return !isSlice && Bool.random(using: &random)
        ? "\(name) IN (\(value), \(constant(type, &random)))" : "\(name) = \(value)"
    }
    if !isSlice, Int.random(in: 0..<4, using: &random) == 0 {
      return "\(name) BETWEEN \(value) AND \(constant(type, &random))"
    }
    let sign = ["<", "<=", ">", ">=", "="].randomElement(using: &random) ?? "="
    return !isSlice && Bool.random(using: &random)
      ? "\(value) \(["<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="][sign] ?? "=") \(name)"
      : "\(name) \(sign) \(value)"
  }

  private func condition(_ random: inout SeededRandom, _ depth: Int) -> String {
    guard depth > 0, Int.random(in: 0..<3, using: &random) > 0 else {
      return comparison(&random, isSlice: false)
    }
    let parts = (0...Int.random(in: 0...2, using: &random)).map { _ in condition(&random, depth - 1)
    }
    let word = Int.random(in: 0..<3, using: &random) == 0 ? " OR " : " AND "
    let joined = "(\(parts.joined(separator: word)))"
    return Int.random(in: 0..<8, using: &random) == 0 ? "NOT \(joined)" : joined
  }

  @Test func `no row that a statement wants is outside the slice that is said to cover it`()
    async throws
  {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed:", seed)
    var random = SeededRandom(seed: seed)
    let database = try TestDatabase().database
    let session = try database.openSession()
    _ = try await session.run(
      """
      CREATE TABLE t AS SELECT
        CASE WHEN random() < 0.9 THEN CAST(random() * 20 - 10 AS SMALLINT) END AS small,
        CASE WHEN random() < 0.9 THEN CAST(random() * 20 - 10 AS INTEGER) END AS number,
        CASE WHEN random() < 0.9 THEN CAST(random() * 20 - 10 AS BIGINT) END AS big,
        CASE WHEN random() < 0.9 THEN CAST(CAST(random() * 80 - 40 AS INTEGER) / 4 AS FLOAT) WHEN random() < 0.5 THEN 'nan'::FLOAT END AS rel,
        CASE WHEN random() < 0.9 THEN CAST(random() * 80 - 40 AS INTEGER) / 4 WHEN random() < 0.5 THEN 'nan'::DOUBLE END AS dbl,
        CASE WHEN random() < 0.9 THEN ['a', 'b', 'c', 'd'][CAST(floor(random() * 4) AS INTEGER) + 1] END AS who,
        CASE WHEN random() < 0.9 THEN DATE '2025-12-28' + CAST(random() * 15 AS INTEGER) END AS day,
        CASE WHEN random() < 0.9 THEN TIMESTAMP '2025-12-28' + INTERVAL 1 HOUR * CAST(random() * 400 AS INTEGER) END AS moment
      FROM range(3000)
      """)
    var coveredCount = 0
    for _ in 0..<1_500 {
      let slice = (0...Int.random(in: 0...1, using: &random)).map { _ in
        comparison(&random, isSlice: true)
      }.joined(separator: " AND ")
      var sliced = Self.table
      sliced.slice = try StatementText.slice(slice, of: Self.table, .postgresql)
      var wanted = condition(&random, 2)
      if Bool.random(using: &random) { wanted = "(\(wanted)) AND \(slice)" }
      let sql = "SELECT small FROM t WHERE \(wanted)"
      guard let covered = try StatementText.single(sql).covered(by: [sliced], .postgresql) else {
        continue
      }
      coveredCount += 1
      let outside = try await session.count(
        "SELECT count(*) FROM t WHERE (\(wanted)) AND (\(slice)) IS NOT TRUE")
      #expect(outside == 0, "\(slice) does not cover \(wanted)")
      let all = try await session.count("SELECT count(*) FROM t WHERE \(wanted)")
      #expect(try await session.count("SELECT count(*) FROM (\(covered.sql))") == all)
    }
    #expect(coveredCount > 500)
    await database.close()
  }
}
