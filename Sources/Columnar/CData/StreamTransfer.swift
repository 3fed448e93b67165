internal import CArrow

/// A stream of batches from another library of this process.
///
/// Not thread safe: one reader at a time.
@safe
public final class ImportedStream {
  public private(set) var schema = Schema()
  private let stream: UnsafeMutablePointer<ArrowArrayStream>

  /// Takes ownership; afterwards `source` counts as released.
  init(moving source: UnsafeMutablePointer<ArrowArrayStream>) throws(CDataError) {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: source.pointee)
    unsafe source.pointee.release = nil
    var target = unsafe ArrowSchema()
    guard let getSchema = unsafe stream.pointee.get_schema else {
      throw .stream(code: 0, message: "it has been released")
    }
    let code = unsafe getSchema(stream, &target)
    guard code == 0 else { throw error(code) }
    schema = try unsafe withUnsafeMutablePointer(to: &target) { pointer throws(CDataError) in
      try unsafe CData.importSchema(moving: pointer)
    }
  }

  deinit {
    if let release = unsafe stream.pointee.release { unsafe release(stream) }
    unsafe stream.deallocate()
  }

  /// The next batch, or nil at the end.
  public func next() throws(CDataError) -> Batch? {
    var array = unsafe ArrowArray()
    guard let getNext = unsafe stream.pointee.get_next else { return nil }
    let code = unsafe getNext(stream, &array)
    guard code == 0 else { throw error(code) }
    guard unsafe array.release != nil else { return nil }
    return try unsafe withUnsafeMutablePointer(to: &array) { pointer throws(CDataError) in
      try unsafe CData.importBatch(moving: pointer, schema: schema)
    }
  }

  private func error(_ code: Int32) -> CDataError {
    let message = unsafe stream.pointee.get_last_error?(stream).map { unsafe String(cString: $0) }
    return .stream(code: code, message: message ?? "it failed without saying why")
  }
}

/// What an exported stream holds on to.
@safe
final class StreamExport {
  private let schema: Schema
  private let next: @Sendable () throws -> Batch?
  /// The last error as a C string, kept until the next call or the release.
  private let message = UnsafeMutableBufferPointer<CChar>.allocate(capacity: 1024)

  init(schema: Schema, next: @escaping @Sendable () throws -> Batch?) {
    self.schema = schema
    self.next = next
    unsafe message.initialize(repeating: 0)
  }

  deinit { unsafe message.deallocate() }

  /// `EIO`, for errors of the closure.
  private static let failed: Int32 = 5

  static func write(_ export: StreamExport, to target: UnsafeMutablePointer<ArrowArrayStream>) {
    unsafe target.initialize(
      to: ArrowArrayStream(
        get_schema: { stream, target in
          guard let export = unsafe StreamExport.of(stream), let target = unsafe target else {
            return StreamExport.failed
          }
          unsafe CData.exportSchema(export.schema, to: UnsafeMutableRawPointer(target))
          return 0
        },
        get_next: { stream, target in
          guard let export = unsafe StreamExport.of(stream), let target = unsafe target else {
            return StreamExport.failed
          }
          return unsafe export.pull(to: target)
        },
        get_last_error: { stream in
          guard let export = unsafe StreamExport.of(stream) else { return nil }
          return unsafe export.message.baseAddress.map { unsafe UnsafePointer($0) }
        },
        release: { stream in
          guard let stream = unsafe stream, let data = unsafe stream.pointee.private_data else {
            return
          }
          unsafe Unmanaged<StreamExport>.fromOpaque(data).release()
          unsafe stream.pointee.private_data = nil
          unsafe stream.pointee.release = nil
        },
        private_data: Unmanaged.passRetained(export).toOpaque()))
  }

  private static func of(_ stream: UnsafeMutablePointer<ArrowArrayStream>?) -> StreamExport? {
    guard let data = unsafe stream?.pointee.private_data else { return nil }
    return unsafe Unmanaged<StreamExport>.fromOpaque(data).takeUnretainedValue()
  }

  /// Keeps the error, cut to the room there is.
  private func setMessage(_ text: String) {
    unsafe message.update(repeating: 0)
    for (index, byte) in text.utf8.prefix(1023).enumerated() {
      unsafe message[index] = CChar(bitPattern: byte)
    }
  }

  private func pull(to target: UnsafeMutablePointer<ArrowArray>) -> Int32 {
    do {
      guard let batch = try next() else {
        unsafe target.initialize(to: ArrowArray())
        return 0
      }
      unsafe CData.exportBatch(batch, to: UnsafeMutableRawPointer(target))
      return 0
    } catch {
      setMessage("\(error)")
      return Self.failed
    }
  }
}
