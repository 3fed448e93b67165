import Foundation
import SQL
import TestSupport
import Testing

@Suite struct `Statements that DuckDB has classified` {
  private static let path =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("corpus/statements.txt").path

  @Test func `are classified alike`() throws {
    let lines = try corpusLines(Self.path)
    #expect(lines.count > 200)
    for line in lines {
      let parts = line.split(separator: "\t", maxSplits: 1).map(String.init)
      let (expected, sql) = (try #require(parts.first), try #require(parts.last))
      let types = try StatementText.split(sql).map { duckDBType(of: $0.head.kind) }
      #expect(types.joined(separator: "+") == expected, "\(sql)")
    }
  }

  @Test func `have a canonical form that is cut and classified like the text`() throws {
    for line in try corpusLines(Self.path) {
      let sql = try #require(line.split(separator: "\t", maxSplits: 1).last)
      for statement in try StatementText.split(String(sql)) {
        let again = try StatementText.single(statement.canonical)
        #expect(again.tokens.map(\.kind) == statement.tokens.map(\.kind), "\(sql)")
        #expect(again.canonical == statement.canonical)
        #expect(duckDBType(of: again.head.kind) == duckDBType(of: statement.head.kind))
      }
    }
  }

  /// What DuckDB 1.5.5 calls a statement.
  private func duckDBType(of kind: StatementKind) -> String {
    switch kind {
    case .query: "SELECT"
    case .insert: "INSERT"
    case .update: "UPDATE"
    case .delete: "DELETE"
    case .merge: "MERGE_INTO"
    case .create: "CREATE"
    case .drop, .deallocate: "DROP"
    case .alter, .comment: "ALTER"
    case .copy(let head): copyType(of: head)
    case .transaction: "TRANSACTION"
    case .set, .reset, .use: "SET"
    case .pragma(let head): pragmaType(of: head)
    case .attach: "ATTACH"
    case .detach: "DETACH"
    case .install, .load: "LOAD"
    case .updateExtensions: "UPDATE_EXTENSIONS"
    case .explain: "EXPLAIN"
    case .call, .checkpoint: "CALL"
    case .prepare: "PREPARE"
    case .execute: "EXECUTE"
    case .vacuum, .analyze: "VACUUM"
    case .exportDatabase: "EXPORT"
    case .importDatabase: "IMPORT"
    case .other(let verb): "OTHER \(verb)"
    }
  }

  private func copyType(of head: CopyHead) -> String {
    switch head.direction {
    case .databases: "COPY_DATABASE"
    default: "COPY"
    }
  }

  private func pragmaType(of head: PragmaHead) -> String {
    if head.form == .assignment { return "SET" }
    return head.isQuestion ? "SELECT" : "PRAGMA"
  }
}
