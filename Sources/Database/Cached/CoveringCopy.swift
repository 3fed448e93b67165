public import Columnar
internal import SQL

/// A copy of a table of the database behind, in DuckDB, that holds every row that a statement wants.
///
/// **Ownership.** The table in DuckDB is there for as long as any value of this kind: keep it until the statement that reads it has
/// ended (`pump.onEnd { _ in withExtendedLifetime(copy) {} }`).
public struct CoveringCopy: Sendable {
  /// The name to read from, quoted, with its catalog: only DuckDB understands it.
  public let relation: String
  /// The table as people know it: `public.orders`.
  public let table: String
  /// The columns, as the driver of the database behind gives them.
  public let schema: Schema
  /// How long ago the rows were asked for: nothing in them is older.
  public let age: Duration
  let holder: any Sendable
}

extension Backend {
  /// A copy that may be read instead of a table: nothing of it has changed since it was made, it is not too old, and it
  /// holds all rows for which `comparisons` hold (or all rows of the table).
  ///
  /// - Parameters:
  ///   - schema: As the database behind spells it; nil for a name that stands alone.
  ///   - table: Likewise.
  ///   - comparisons: What must be true of every row that is wanted; those that are not understood are left out of account.
  /// - Returns: Nil if there is no such copy: the rows have to come from the database itself.
  func cachedCopy(
    schema: String?, table: String, where comparisons: [ColumnComparison]
  ) -> CoveringCopy? {
    tables?.copy(schema: schema, table: table, where: comparisons)
  }
}
