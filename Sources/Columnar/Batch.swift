/// The values of one column: immutable, shared without copying.
///
/// `buffers` are those of the Arrow columnar format for the type, in its order, the validity bitmap
/// first where the type has one (all types but null, union and run-end encoded). An empty validity
/// buffer means that no value is null. Columns have no offset: value 0 is at the start of each
/// buffer; who imports a sliced array rebases it.
///
/// **Invariant.** Whoever makes a column has checked that its buffers and children are long enough
/// for `count` (those of structs, fixed-size lists and sparse unions exactly as long), that offsets,
/// views, indices, type ids and run ends are in range, also in the slots of nulls, that text is
/// UTF-8 where it is not null, and that each buffer is aligned for its values, those wider than 8
/// bytes for 8. Lists and strings may start at an offset above 0. Readers rely on it.
public final class Column: Sendable {
  public let type: DataType
  /// Number of values, nulls included.
  public let count: Int
  public let nullCount: Int
  public let buffers: [Buffer]
  /// Child columns of nested types.
  public let children: [Column]
  /// The values that a dictionary-encoded column's indices point into.
  public let dictionary: Column?

  public init(
    type: DataType, count: Int, nullCount: Int = 0, buffers: [Buffer], children: [Column] = [],
    dictionary: Column? = nil
  ) {
    self.type = type
    self.count = count
    self.nullCount = nullCount
    self.buffers = buffers
    self.children = children
    self.dictionary = dictionary
  }
}

/// Equally long columns under a schema: immutable, cheap to pass.
public struct Batch: Sendable {
  public let schema: Schema
  public let columns: [Column]
  public let rowCount: Int
  /// Custom metadata of this batch, as it travels with its IPC message.
  public let metadata: [KeyValue]

  /// - Precondition: one column per field, each `rowCount` long.
  public init(schema: Schema, columns: [Column], rowCount: Int, metadata: [KeyValue] = []) {
    precondition(schema.fields.count == columns.count, "a batch has one column per field")
    precondition(columns.allSatisfy { $0.count == rowCount }, "columns are equally long")
    self.schema = schema
    self.columns = columns
    self.rowCount = rowCount
    self.metadata = metadata
  }
}
