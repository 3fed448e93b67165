/// The Arrow C data and C stream interface: columns to and from other libraries of this process,
/// without copying.
///
/// The C structs are named by untyped pointers, so that no C type appears in an interface: `array`
/// points to a `struct ArrowArray`, `schema` to a `struct ArrowSchema`, `stream` to a
/// `struct ArrowArrayStream`.
public enum CData {
  /// Takes over a schema. Afterwards the struct at `schema` counts as released.
  @unsafe
  public static func importSchema(moving schema: UnsafeMutableRawPointer) throws(CDataError)
    -> Schema
  {
    throw .invalidSchema("not yet")
  }

  /// Takes over an array of struct type as a batch. Afterwards the struct at `array` counts as
  /// released, also when this throws.
  @unsafe
  public static func importBatch(moving array: UnsafeMutableRawPointer, schema: Schema)
    throws(CDataError) -> Batch
  {
    throw .invalidArray("not yet")
  }

  /// Writes `schema` as a struct type into the uninitialized struct at `target`. Who gets it must
  /// call its `release`.
  @unsafe
  public static func exportSchema(_ schema: Schema, to target: UnsafeMutableRawPointer) {}

  /// Writes `batch` as a struct array into the uninitialized struct at `target`, which keeps the
  /// buffers alive until its `release` is called.
  @unsafe
  public static func exportBatch(_ batch: Batch, to target: UnsafeMutableRawPointer) {}

  /// Writes a stream of batches into the uninitialized struct at `target`.
  ///
  /// - Parameter next: Called by whoever pulls, one call at a time; nil ends the stream. An error
  ///   reaches the consumer with its description.
  @unsafe
  public static func exportStream(
    schema: Schema, to target: UnsafeMutableRawPointer,
    next: @escaping @Sendable () throws -> Batch?
  ) {}
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
