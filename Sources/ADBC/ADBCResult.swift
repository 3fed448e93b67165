import CADBC
import CArrow
public import Columnar

/// Rows from a database, fetched as they are pulled.
///
/// The buffers of a batch are the driver's own, not copied; they stay alive as long as the batch, also when the result and the
/// connection are gone. Pulling blocks, and takes turns with other calls on the connection.
@safe
public final class ADBCResult: @unchecked Sendable {
  // Sendable: what is mutable is used with the connection's lock only.
  private let stream: UnsafeMutablePointer<ArrowArrayStream>
  private let connection: ADBCConnection
  /// A statement must outlive its stream.
  private let statement: ADBCStatement?
  private var isOpen = false
  /// Of the batch that was pulled last.
  private var lastByteCount = Int.max
  /// A smaller batch was the last one, or there is not much left.
  private static let smallByteCount = 65_536
  /// The columns of every batch.
  public private(set) var schema = Schema()
  /// Rows inserted, updated or deleted; or those of the result, if the driver knows before they are read; `nil` if it does not.
  public internal(set) var rowsAffected: Int?

  /// Makes a result of the stream that `fill` writes. Called with the connection's lock.
  init(
    from connection: ADBCConnection, keeping statement: ADBCStatement? = nil,
    _ fill: (UnsafeMutableRawPointer, UnsafeMutablePointer<AdbcError>) -> AdbcStatusCode
  ) throws(ADBCError) {
    self.connection = connection
    self.statement = statement
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: ArrowArrayStream())
    // From here on `deinit` releases the stream, also when this throws.
    try unsafe connection.call.check { error in
      unsafe fill(UnsafeMutableRawPointer(stream), error)
    }
    guard let getSchema = unsafe stream.pointee.get_schema else { return }
    let room = CStructs()
    let code = unsafe getSchema(stream, room.schema.assumingMemoryBound(to: ArrowSchema.self))
    guard code == 0 else { throw failure(code) }
    schema = try unsafe imported(room.schema)
    isOpen = true
    connection.opened(self)
  }

  deinit {
    connection.lock { leave() }
    unsafe stream.deallocate()
  }

  /// The next rows, or nil at the end. How many the driver decides.
  public func next() throws(ADBCError) -> Batch? {
    try connection.lock { () throws(ADBCError) -> Batch? in
      guard isOpen, let getNext = unsafe stream.pointee.get_next else { return nil }
      let room = CStructs()
      let code = unsafe getNext(stream, room.array.assumingMemoryBound(to: ArrowArray.self))
      guard code == 0 else {
        let error = failure(code)
        release()
        throw error
      }
      guard unsafe room.isFilled(room.array) else {
        release()
        // A driver that pulls bound rows as late as this may take an error of theirs for their end.
        if let failure = statement?.sourceFailure { throw ADBCError(.invalidData, failure) }
        return nil
      }
      do throws(CDataError) {
        return try checked(unsafe CData.importBatch(moving: room.array, schema: schema))
      } catch {
        throw ADBCError(.invalidData, error.description)
      }
    }
  }

  /// Ends the result, also when rows are left. Doing it again does nothing.
  ///
  /// PostgreSQL sends all rows of a result that nobody reads before it takes the next statement. So it is told to stop, unless a
  /// transaction is open, which that would abort.
  public func close() { connection.lock { leave() } }

  private func leave() {
    if isOpen, let statement, lastByteCount >= Self.smallByteCount,
      connection.call.kind.sendsToTheEnd,
      connection.isAutocommit
    {
      try? statement.cancel()
    }
    release()
  }

  /// Databases that do not care what text is, such as SQLite, hand out bytes that are none.
  private func checked(_ batch: Batch) throws(CDataError) -> Batch {
    lastByteCount = batch.byteCount
    guard let place = batch.firstInvalidText() else { return batch }
    throw .invalidArray(
      "column \"\(place.column)\" has a text in row \(place.row) of a batch that is not UTF-8")
  }

  private func release() {
    connection.closed(self)
    if isOpen, let statement { connection.ended(statement) }
    isOpen = false
    if let release = unsafe stream.pointee.release { unsafe release(stream) }
    unsafe stream.pointee.release = nil
  }

  private func failure(_ code: Int32) -> ADBCError {
    var status: AdbcStatusCode = ADBCStatus.unknown.rawValue
    if let error = unsafe AdbcErrorFromArrayStream(stream, &status) {
      return unsafe connection.call.read(error, status: ADBCStatus(code: status))
    }
    let text = unsafe stream.pointee.get_last_error?(stream).map { unsafe String(cString: $0) }
    let message = text ?? "the result ended with the error \(code)"
    return connection.call.error(ADBCStatus(errno: code), message)
  }
}

extension ADBCConnection {
  /// The schema that `fill` writes.
  func importSchema(
    _ fill: (UnsafeMutableRawPointer, UnsafeMutablePointer<AdbcError>) -> AdbcStatusCode
  ) throws(ADBCError) -> Schema {
    guard let schema = try unsafe importSchema(isOptional: false, fill) else { return Schema() }
    return schema
  }

  /// The schema that `fill` writes; `nil` if it may write none and did not.
  func importSchema(
    isOptional: Bool,
    _ fill: (UnsafeMutableRawPointer, UnsafeMutablePointer<AdbcError>) -> AdbcStatusCode
  ) throws(ADBCError) -> Schema? {
    let room = CStructs()
    try unsafe call.check { error in unsafe fill(room.schema, error) }
    if isOptional,
      unsafe room.schema.assumingMemoryBound(to: ArrowSchema.self).pointee.release == nil
    {
      return nil
    }
    return try unsafe imported(room.schema)
  }
}

private func imported(_ schema: UnsafeMutableRawPointer) throws(ADBCError) -> Schema {
  do throws(CDataError) {
    return try unsafe CData.importSchema(moving: schema)
  } catch {
    throw ADBCError(.invalidData, "the driver's answer cannot be read: \(error)")
  }
}

/// Room for the structs of the Arrow C data interface; what is left in them is released at the end.
@safe
final class CStructs {
  private let schemaPointer = UnsafeMutablePointer<ArrowSchema>.allocate(capacity: 1)
  private let arrayPointer = UnsafeMutablePointer<ArrowArray>.allocate(capacity: 1)
  private let streamPointer = UnsafeMutablePointer<ArrowArrayStream>.allocate(capacity: 1)

  init() {
    unsafe schemaPointer.initialize(to: ArrowSchema())
    unsafe arrayPointer.initialize(to: ArrowArray())
    unsafe streamPointer.initialize(to: ArrowArrayStream())
  }

  deinit {
    if let release = unsafe schemaPointer.pointee.release { unsafe release(schemaPointer) }
    if let release = unsafe arrayPointer.pointee.release { unsafe release(arrayPointer) }
    if let release = unsafe streamPointer.pointee.release { unsafe release(streamPointer) }
    unsafe schemaPointer.deallocate()
    unsafe arrayPointer.deallocate()
    unsafe streamPointer.deallocate()
  }

  @unsafe var schema: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(schemaPointer) }
  @unsafe var array: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(arrayPointer) }
  @unsafe var stream: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(streamPointer) }

  func isFilled(_ array: UnsafeMutableRawPointer) -> Bool {
    unsafe arrayPointer.pointee.release != nil
  }
}
