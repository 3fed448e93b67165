import Columnar
import Synchronization
import Testing

@Suite struct CDataTests {
  private func withStruct<Result>(
    _ body: (UnsafeMutableRawPointer) throws -> Result
  ) rethrows -> Result {
    let pointer = UnsafeMutableRawPointer.allocate(
      byteCount: CData.structByteCount, alignment: 8)
    defer { unsafe pointer.deallocate() }
    return try unsafe body(pointer)
  }

  @Test func `a batch survives export and import`() throws {
    let batch = Samples.batch()
    let schema = try unsafe withStruct { pointer in
      unsafe CData.exportSchema(batch.schema, to: pointer)
      return try unsafe CData.importSchema(moving: pointer)
    }
    #expect(schema == batch.schema)
    let copy = try unsafe withStruct { pointer in
      unsafe CData.exportBatch(batch, to: pointer)
      return try unsafe CData.importBatch(moving: pointer, schema: schema)
    }
    #expect(copy.texts == batch.texts)
  }

  @Test func `a stream survives export and import, and its error reaches the reader`() throws {
    struct Broken: Error {}
    let batch = Samples.batch()
    let pulls = Mutex(0)
    let stream = try unsafe withStruct { pointer in
      unsafe CData.exportStream(schema: batch.schema, to: pointer) {
        let number = pulls.withLock { count in
          count += 1
          return count
        }
        if number == 3 { throw Broken() }
        return batch
      }
      return try unsafe CData.importStream(moving: pointer)
    }
    #expect(stream.schema == batch.schema)
    #expect(try stream.next()?.texts == batch.texts)
    #expect(try stream.next()?.texts == batch.texts)
    #expect(throws: CDataError.stream(code: 5, message: "Broken()")) { try stream.next() }
  }

  @Test func `buffers live exactly as long as the last import that shares them`() throws {
    let freedCount = Mutex(0)
    func imported() throws -> Column {
      let storage = HeldBytes { freedCount.withLock { $0 += 1 } }
      let column = Column(type: .int64, count: 2, buffers: [.empty, storage.buffer])
      let batch = Batch(schema: Schema(Field("n", .int64)), columns: [column], rowCount: 2)
      return try unsafe withStruct { pointer in
        unsafe CData.exportBatch(batch, to: pointer)
        return try unsafe CData.importBatch(moving: pointer, schema: batch.schema).columns[0]
      }
    }
    do {
      let column = try imported()
      #expect(freedCount.withLock { $0 } == 0)
      #expect(column.string(at: 1) == "2")
    }
    #expect(freedCount.withLock { $0 } == 1)
  }

  /// Two numbers in memory that reports when it is freed.
  @safe
  private final class HeldBytes: @unchecked Sendable {
    private let memory: UnsafeMutableRawBufferPointer
    private let onFree: @Sendable () -> Void

    init(onFree: @escaping @Sendable () -> Void) {
      unsafe memory = .allocate(byteCount: 16, alignment: 8)
      unsafe memory.storeBytes(of: 1, toByteOffset: 0, as: Int64.self)
      unsafe memory.storeBytes(of: 2, toByteOffset: 8, as: Int64.self)
      self.onFree = onFree
    }

    var buffer: Buffer {
      unsafe Buffer(unsafeBytes: UnsafeRawBufferPointer(memory), ownedBy: self)
    }

    deinit {
      unsafe memory.deallocate()
      onFree()
    }
  }
}
