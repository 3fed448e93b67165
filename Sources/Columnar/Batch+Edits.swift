/// Why columns could not be put together.
public enum ColumnError: Error, Hashable, Sendable {
  /// The parts do not have the same type.
  case typesDiffer(String)
  /// The result would not fit the type: 32-bit offsets, dictionary indices, run ends.
  case tooLarge(String)
}

extension ColumnError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .typesDiffer(let what): "columns of different types cannot be joined: \(what)"
    case .tooLarge(let what): "the joined column is too large: \(what)"
    }
  }
}

extension Batch {
  /// The columns at `positions`, in that order.
  ///
  /// - Precondition: every position is a column of this batch.
  public func projected(to positions: [Int]) -> Batch {
    Batch(
      schema: Schema(positions.map { schema.fields[$0] }, metadata: schema.metadata),
      columns: positions.map { columns[$0] }, rowCount: rowCount, metadata: metadata)
  }

  /// The rows of all `batches` behind each other, under the schema of the first.
  ///
  /// - Precondition: at least one batch.
  public static func concatenate(_ batches: [Batch]) throws(ColumnError) -> Batch {
    let first = batches[0]
    if batches.count == 1 { return first }
    var columns: [Column] = []
    for index in first.columns.indices {
      for batch in batches {
        guard batch.columns.count == first.columns.count,
          batch.columns[index].type == first.columns[index].type
        else { throw .typesDiffer("column \"\(first.schema.fields[index].name)\"") }
      }
      columns.append(try .concatenate(batches.map { $0.columns[index] }))
    }
    return Batch(
      schema: first.schema, columns: columns, rowCount: batches.reduce(0) { $0 + $1.rowCount },
      metadata: first.metadata)
  }
}
