internal import Columnar
internal import SQL

/// What Tab completes: the words of SQL and the names that the catalog has.
enum Completion {
  private static let keywords = Keyword.allCases.map(\.rawValue).filter { $0.utf8.count > 2 }

  /// Whether a statement may have changed the catalog.
  static func isAffected(by sql: String) -> Bool {
    ["CREATE", "DROP", "ALTER", "ATTACH", "DETACH", "USE", "ROLLBACK"]
      .contains(sql.prefix { $0.isLetter }.uppercased())
  }

  /// Asks for the names in a task of its own: nobody waits for them, and without them there are
  /// keywords still.
  static func refresh(_ reader: any LineReader, from connection: any ShellConnection) {
    reader.offer(keywords)
    Task {
      var words = keywords
      guard case .rows(let rows) = try? await connection.run(CatalogQueries.names) else { return }
      while let batch = try? await rows.next() {
        for row in 0..<batch.rowCount {
          if let name = batch.columns.first?.string(at: row) { words.append(name) }
        }
      }
      var seen: Set<String> = []
      reader.offer(words.filter { seen.insert($0.lowercased()).inserted })
    }
  }
}
