internal import CArrow

/// The Arrow C data and C stream interface: columns to and from other libraries of this process,
/// without copying.
///
/// The C structs are named by untyped pointers, so that no C type appears in an interface: `array`
/// points to a `struct ArrowArray`, `schema` to a `struct ArrowSchema`, `stream` to a
/// `struct ArrowArrayStream`.
public enum CData {
  /// Bytes to allocate for any of the three structs, aligned to 8.
  public static let structByteCount = unsafe max(
    MemoryLayout<ArrowSchema>.size, MemoryLayout<ArrowArray>.size,
    MemoryLayout<ArrowArrayStream>.size)

  /// Takes over a schema of struct type. Afterwards the struct at `schema` counts as released,
  /// also when this throws.
  @unsafe
  public static func importSchema(
    moving schema: UnsafeMutableRawPointer
  ) throws(CDataError) -> Schema {
    let source = unsafe schema.assumingMemoryBound(to: ArrowSchema.self)
    defer { unsafe release(source) }
    let field = try unsafe SchemaImport.field(source, depth: 0)
    guard case .structure(let fields) = field.type else {
      throw .invalidSchema("a batch is a struct, not \(field.type)")
    }
    return Schema(fields, metadata: field.metadata)
  }

  /// Takes over an array of struct type as a batch. Afterwards the struct at `array` counts as
  /// released, also when this throws.
  ///
  /// The producer is trusted with what cannot be checked: that its buffers are as long as the
  /// format says, and with the values in them.
  @unsafe
  public static func importBatch(
    moving array: UnsafeMutableRawPointer, schema: Schema
  ) throws(CDataError) -> Batch {
    let source = unsafe array.assumingMemoryBound(to: ArrowArray.self)
    guard unsafe source.pointee.release != nil else {
      throw .invalidArray("it has been released")
    }
    return try unsafe ImportedArray(source).batch(schema)
  }

  /// Takes over a stream of batches. Afterwards the struct at `stream` counts as released.
  @unsafe
  public static func importStream(
    moving stream: UnsafeMutableRawPointer
  ) throws(CDataError) -> ImportedStream {
    try unsafe ImportedStream(moving: stream.assumingMemoryBound(to: ArrowArrayStream.self))
  }

  /// Writes `schema` as a struct type into the uninitialized struct at `target`. Who gets it must
  /// call its `release`.
  @unsafe
  public static func exportSchema(_ schema: Schema, to target: UnsafeMutableRawPointer) {
    let field = Field(
      "", .structure(schema.fields), isNullable: false, metadata: schema.metadata)
    unsafe SchemaExport.write(field, to: target.assumingMemoryBound(to: ArrowSchema.self))
  }

  /// Writes `batch` as a struct array into the uninitialized struct at `target`, which keeps the
  /// buffers alive until its `release` is called.
  @unsafe
  public static func exportBatch(_ batch: Batch, to target: UnsafeMutableRawPointer) {
    let column = Column(
      type: .structure(batch.schema.fields), count: batch.rowCount, buffers: [.empty],
      children: batch.columns)
    unsafe ArrayExport.write(column, to: target.assumingMemoryBound(to: ArrowArray.self))
  }

  /// Writes a stream of batches into the uninitialized struct at `target`.
  ///
  /// - Parameter next: Called by whoever pulls, one call at a time; nil ends the stream. An error
  ///   reaches the consumer with its description.
  @unsafe
  public static func exportStream(
    schema: Schema, to target: UnsafeMutableRawPointer,
    next: @escaping @Sendable () throws -> Batch?
  ) {
    unsafe StreamExport.write(
      StreamExport(schema: schema, next: next),
      to: target.assumingMemoryBound(to: ArrowArrayStream.self))
  }

  static func release(_ schema: UnsafeMutablePointer<ArrowSchema>) {
    if let release = unsafe schema.pointee.release { unsafe release(schema) }
  }

  static func release(_ array: UnsafeMutablePointer<ArrowArray>) {
    if let release = unsafe array.pointee.release { unsafe release(array) }
  }
}

/// Why a C data structure could not be taken over.
public enum CDataError: Error, Hashable, Sendable {
  case invalidSchema(String)
  case invalidArray(String)
  /// The producer of a stream reported an error.
  case stream(code: Int32, message: String)
}

extension CDataError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .invalidSchema(let reason): "Arrow C data: invalid schema: \(reason)"
    case .invalidArray(let reason): "Arrow C data: invalid array: \(reason)"
    case .stream(let code, let message): "Arrow C stream: \(message) (error \(code))"
    }
  }
}
