/// Runs the records of a test file and says which did not do what they should.
public struct SQLTestRun {
  /// One record that failed.
  public struct Failure: Sendable, CustomStringConvertible {
    public var file: String
    public var line: Int
    public var sql: String
    public var message: String
    public var description: String { "\(file):\(line): \(message)\n  \(sql)" }
  }

  /// Makes the runner of a session, by its name, when a record first asks for it.
  public typealias Sessions = (_ name: String) async throws -> any SQLRunner

  /// Runs all records in order; a failure does not end the run.
  public static func failures(
    of file: SQLTestFile, sessions: Sessions
  ) async throws -> [Failure] {
    var runners: [String: any SQLRunner] = [:]
    var failures: [Failure] = []
    for record in file.records {
      let runner: any SQLRunner
      if let known = runners[record.session] {
        runner = known
      } else {
        runner = try await sessions(record.session)
        runners[record.session] = runner
      }
      if let message = await message(of: record, runner: runner) {
        failures.append(
          Failure(file: file.name, line: record.line, sql: record.sql, message: message))
      }
    }
    return failures
  }

  /// What is wrong with the outcome of a record; nil if nothing is.
  private static func message(
    of record: SQLTestFile.Record, runner: any SQLRunner
  ) async -> String? {
    do {
      let (columns, rows) = try await runner.run(record.sql)
      switch record.expectation {
      case .success: return nil
      case .failure: return "an error was expected, but the statement succeeded"
      case .rows(let types, let sort, let expected):
        guard columns.count == types.count else {
          return "\(types.count) columns were expected, but there are \(columns.count): \(columns)"
        }
        return difference(of: rows, from: expected, types: Array(types), sort: sort)
      }
    } catch {
      guard case .failure(let pattern) = record.expectation else { return "failed: \(error)" }
      return matches(pattern, "\(error)") ? nil : "failed otherwise: \(error)"
    }
  }

  private static func matches(_ pattern: String, _ text: String) -> Bool {
    if pattern.isEmpty { return true }
    guard let regex = try? Regex(pattern) else { return false }
    return text.firstMatch(of: regex.dotMatchesNewlines()) != nil
  }

  private static func difference(
    of rows: [[String]], from expected: [[String]], types: [Character], sort: SQLTestFile.Sort
  ) -> String? {
    let (rows, expected) = (sorted(rows, sort), sorted(expected, sort))
    let isSame =
      rows.count == expected.count
      && zip(rows, expected).allSatisfy { row, other in
        row.count == other.count
          && row.indices.allSatisfy { column in
            isEqual(
              row[column], other[column], type: column < types.count ? types[column] : "?")
          }
      }
    if isSame { return nil }
    return "rows were expected:\n\(text(expected))\nbut there are:\n\(text(rows))"
  }

  private static func text(_ rows: [[String]]) -> String {
    rows.map { "  " + $0.joined(separator: "\t") }.joined(separator: "\n")
  }

  private static func sorted(_ rows: [[String]], _ sort: SQLTestFile.Sort) -> [[String]] {
    switch sort {
    case .nosort: rows
    case .rowsort: rows.sorted { $0.lexicographicallyPrecedes($1) }
    case .valuesort: rows.joined().sorted().map { [$0] }
    }
  }

  private static func isEqual(_ value: String, _ expected: String, type: Character) -> Bool {
    if value == expected { return true }
    guard type == "R", let number = Double(value), let other = Double(expected) else {
      return false
    }
    return abs(number - other) <= 1e-9 * max(abs(number), abs(other))
  }
}
