import Foundation
import Testing

/// Runs SQL in a DuckDB that the test environment brings, and gives back the rows as text.
enum PythonDuckDB {
  static let python = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent(".deps/venv/bin/python").path

  static var isAvailable: Bool { FileManager.default.isExecutableFile(atPath: python) }

  /// What one query returned: names and types of its columns, and its rows.
  struct Result: Decodable {
    var names: [String]
    var types: [String]
    var rows: [[String?]]
  }

  private static let script = """
    import duckdb, json, sys
    job = json.load(sys.stdin)
    connection = duckdb.connect()
    for statement in job["setup"]:
        connection.execute(statement)
    answers = []
    for query in job["queries"]:
        answer = connection.execute(query)
        answers.append({
            "names": [c[0] for c in answer.description],
            "types": [str(c[1]) for c in answer.description],
            "rows": [[None if v is None else str(v) for v in row] for row in answer.fetchall()],
        })
    json.dump(answers, sys.stdout)
    """

  static func run(setup: [String], queries: [String]) throws -> [Result] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = ["-c", script]
    let input = Pipe()
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    let job = try JSONEncoder().encode(["setup": setup, "queries": queries])
    try input.fileHandleForWriting.write(contentsOf: job)
    try input.fileHandleForWriting.close()
    let answer = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return try JSONDecoder().decode([Result].self, from: answer)
  }
}
