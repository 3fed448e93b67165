/// A statement that copies of tables can answer, written for DuckDB.
public struct CoveredQuery: Hashable, Sendable {
  /// Where the values of a column of the answer come from.
  public enum Source: Hashable, Sendable {
    /// As they are in a column of one of the tables.
    case column(table: Int, column: Int)
    case computed(AgreedType)
  }

  public struct Output: Hashable, Sendable {
    public var name: String
    public var source: Source
  }

  /// For DuckDB; it has no parameters.
  public var sql: String
  /// Which of the given tables it reads, each once.
  public var tables: [Int]
  public var outputs: [Output]
}

extension StatementText {
  /// The same query over copies, if DuckDB is known to give the answer that the database gives.
  ///
  /// - Parameters:
  ///   - parameters: The values of its parameters, in order.
  ///   - tables: The copies that there are.
  /// - Returns: Nil if the database itself has to be asked.
  public func covered(
    by tables: [CopiedTable], _ dialect: CoverageDialect, parameters: [CoverageParameter] = []
  ) -> CoveredQuery? {
    try? coverage(by: tables, dialect, parameters)
  }

  /// Why it is not covered; nil if it is.
  public func refusalOfCoverage(
    by tables: [CopiedTable], _ dialect: CoverageDialect, parameters: [CoverageParameter] = []
  ) -> String? {
    do throws(NotCovered) {
      _ = try coverage(by: tables, dialect, parameters)
      return nil
    } catch {
      return error.reason
    }
  }

  private func coverage(
    by tables: [CopiedTable], _ dialect: CoverageDialect, _ parameters: [CoverageParameter]
  ) throws(NotCovered) -> CoveredQuery {
    guard !tables.isEmpty else { throw NotCovered("there are no copies") }
    var query = CoverageQuery(CoverageReader(self, dialect, parameters), tables)
    return try query.read()
  }

  /// What a condition says of the rows of a table, by position of the column.
  ///
  /// - Throws: When it says anything else as well.
  public static func slice(
    _ condition: String, of table: CopiedTable, _ dialect: CoverageDialect
  ) throws(SQLError) -> [Int: ValueRange] {
    do throws(NotCovered) {
      let condition = try read(condition, table, dialect)
      guard condition.isExact else {
        throw NotCovered("it is more than comparisons of columns with constants, joined by AND")
      }
      return byColumn(condition)
    } catch {
      throw SQLError(
        "the condition of CACHE TABLE takes comparisons of columns with constants, joined by AND: \(error.reason)"
      )
    }
  }

  /// What is known of each column of the rows for which comparisons hold; those of texts say nothing, since sessions may compare
  /// them without regard to case.
  public static func ranges(
    of comparisons: [ColumnComparison], in table: CopiedTable
  ) -> [Int: ValueRange] {
    var ranges: [Int: ValueRange] = [:]
    for comparison in comparisons where !comparison.dependsOnNow {
      let sign =
        switch comparison.bound {
        case .both: "="
        case .lower: comparison.isInclusive ? ">=" : ">"
        case .upper: comparison.isInclusive ? "<=" : "<"
        }
      let text = "\(quotedName(comparison.column)) \(sign) \(comparison.constant)"
      guard let read = try? read(text, table, .duckdb) else { continue }
      for (column, range) in byColumn(read) {
        if case .texts = range { continue }
        ranges[column] = ranges[column].map { $0.intersection(range) } ?? range
      }
    }
    return ranges
  }

  private static func read(
    _ text: String, _ table: CopiedTable, _ dialect: CoverageDialect
  ) throws(NotCovered) -> CoverageCondition {
    guard let statement = try? StatementText.single(text) else {
      throw NotCovered("it is no condition")
    }
    var reader = CoverageReader(statement, dialect, [])
    reader.relations = [.init(qualifier: table.name, table: table, alias: "t")]
    let condition = try reader.condition()
    guard reader.cursor.isAtEnd else { throw NotCovered("it has something behind the condition") }
    return condition
  }

  private static func byColumn(_ condition: CoverageCondition) -> [Int: ValueRange] {
    Dictionary(
      condition.ranges.map { ($0.key.column, $0.value) }, uniquingKeysWith: { $0.intersection($1) })
  }
}
