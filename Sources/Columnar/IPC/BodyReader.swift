/// Reads the columns of one record batch out of its body, checking everything as it goes.
///
/// It walks the fields depth first, as the format lists nodes and buffers, and takes the next of
/// each. Files beside this one read the types: `BodyReader+Plain`, `+Nested`, `+Views`, `+Encoded`.
struct BodyReader {
  let nodes: FlatVector?
  let buffers: FlatVector?
  let variadicCounts: FlatVector?
  let body: Buffer
  let compression: IPCCompression?
  /// Metadata version V4, in which types that have no validity in V5 have one.
  let isV4: Bool
  let limits: IPCLimits
  let dictionaries: DictionaryStore

  private var nextNodeIndex = 0
  private var nextBufferIndex = 0
  private var nextVariadicIndex = 0
  private var decompressedBytes = 0
  /// Names from the top-level field down to the one being read.
  private var path: [String] = []

  init(
    batch: FlatTable, body: Buffer, isV4: Bool, limits: IPCLimits,
    dictionaries: DictionaryStore
  ) throws(IPCError) {
    nodes = try batch.vector(
      Metadata.RecordBatch.nodes, stride: Metadata.RecordBatch.pairByteCount)
    buffers = try batch.vector(
      Metadata.RecordBatch.buffers, stride: Metadata.RecordBatch.pairByteCount)
    variadicCounts = try batch.vector(Metadata.RecordBatch.variadicCounts, stride: 8)
    compression = try Self.compression(of: batch)
    self.body = body
    self.isV4 = isV4
    self.limits = limits
    self.dictionaries = dictionaries
  }

  private static func compression(of batch: FlatTable) throws(IPCError) -> IPCCompression? {
    guard let table = try batch.table(Metadata.RecordBatch.compression) else { return nil }
    guard try table.number(Metadata.BodyCompression.method, default: Int8(0)) == 0 else {
      throw .unsupported("the body is compressed by an unknown method")
    }
    switch try table.number(Metadata.BodyCompression.codec, default: Int8(0)) {
    case 0: return .lz4Frame
    case 1: return .zstd
    case let codec: throw .unsupported("the body is compressed with unknown codec \(codec)")
    }
  }

  /// The row count that the record batch states.
  static func rowCount(of batch: FlatTable, limits: IPCLimits) throws(IPCError) -> Int {
    let count = try batch.number(Metadata.RecordBatch.length, default: Int64(0))
    guard count >= 0 else { throw .malformedMetadata("the batch has \(count) rows") }
    guard count <= limits.maxRowCount else {
      throw .limitExceeded("the batch has \(count) rows, more than \(limits.maxRowCount)")
    }
    return Int(count)
  }

  /// The error for the column being read.
  func bad(_ reason: String) -> IPCError {
    .invalidColumn(column: path.joined(separator: "."), reason: reason)
  }

  /// Reads the column of `field`, which has `rowCount` rows.
  mutating func column(
    _ field: Field, plan: DictionaryPlan, rowCount: Int
  ) throws(IPCError) -> Column {
    path.append(field.name)
    let column = try self.column(field.type, plan: plan)
    guard column.count == rowCount else {
      throw bad("it has \(column.count) values in a batch of \(rowCount) rows")
    }
    path.removeLast()
    return column
  }

  /// Reads child `index` of a nested type.
  mutating func child(_ field: Field, plan: DictionaryPlan, _ index: Int) throws(IPCError) -> Column
  {
    path.append(field.name)
    let column = try self.column(field.type, plan: plan.child(index))
    path.removeLast()
    return column
  }

  private mutating func column(
    _ type: DataType, plan: DictionaryPlan
  ) throws(IPCError) -> Column {
    let node = try nextNode()
    switch type {
    case .null:
      return Column(type: type, count: node.count, nullCount: node.count, buffers: [])
    case .bool: return try bools(node)
    case .utf8, .binary: return try strings(type, node, offset: Int32.self)
    case .largeUTF8, .largeBinary: return try strings(type, node, offset: Int64.self)
    case .utf8View, .binaryView: return try views(type, node)
    case .list, .map: return try lists(type, plan, node, offset: Int32.self)
    case .largeList: return try lists(type, plan, node, offset: Int64.self)
    case .listView: return try listViews(type, plan, node, offset: Int32.self)
    case .largeListView: return try listViews(type, plan, node, offset: Int64.self)
    case .fixedSizeList(let item, let size):
      return try fixedSizeLists(type, item, size, plan, node)
    case .structure(let fields): return try structures(type, fields, plan, node)
    case .union(let mode, let fields, let typeIDs):
      return try unions(type, mode, fields, typeIDs, plan, node)
    case .dictionary(let index, let value, _):
      return try indices(type, index, value, plan, node)
    case .runEndEncoded(let runEnds, let values):
      return try runs(type, runEnds, values, plan, node)
    default: return try fixedWidth(type, node)
    }
  }

  // MARK: - Nodes and buffers

  /// Length and null count of a column, as the sender states them; both in range.
  struct Node {
    var count: Int
    var nullCount: Int
  }

  private mutating func nextNode() throws(IPCError) -> Node {
    guard let nodes, nextNodeIndex < nodes.count else {
      throw bad("the metadata describes only \(nodes?.count ?? 0) columns")
    }
    let count: Int64 = nodes.number(nextNodeIndex)
    let nullCount: Int64 = nodes.number(nextNodeIndex, offset: 8)
    nextNodeIndex += 1
    guard count >= 0, nullCount >= 0, nullCount <= count else {
      throw bad("it has \(count) values of which \(nullCount) are null")
    }
    guard count <= limits.maxRowCount else {
      throw .limitExceeded(
        "column \"\(path.joined(separator: "."))\" has \(count) values, "
          + "more than \(limits.maxRowCount)")
    }
    return Node(count: Int(count), nullCount: Int(nullCount))
  }

  mutating func nextVariadicCount() throws(IPCError) -> Int {
    guard let variadicCounts, nextVariadicIndex < variadicCounts.count else {
      throw bad("the metadata does not say how many data buffers it has")
    }
    let count: Int64 = variadicCounts.number(nextVariadicIndex)
    nextVariadicIndex += 1
    guard count >= 0, count <= Int64((buffers?.count ?? 0) - nextBufferIndex) else {
      throw bad("it has \(count) data buffers, which the metadata does not describe")
    }
    return Int(count)
  }

  /// The next buffer, decompressed, on a boundary of `alignment`.
  mutating func nextBuffer(alignment: Int) throws(IPCError) -> Buffer {
    guard let buffers, nextBufferIndex < buffers.count else {
      throw bad("the metadata describes only \(buffers?.count ?? 0) buffers")
    }
    let offset: Int64 = buffers.number(nextBufferIndex)
    let length: Int64 = buffers.number(nextBufferIndex, offset: 8)
    nextBufferIndex += 1
    let (end, overflow) = offset.addingReportingOverflow(length)
    guard offset >= 0, length >= 0, !overflow, end <= body.count else {
      throw bad("\(length) bytes at \(offset) lie outside the body of \(body.count) bytes")
    }
    var buffer = body.slice(from: Int(offset), byteCount: Int(length))
    if let compression, !buffer.isEmpty {
      buffer = try decompressed(buffer, compression)
    }
    return buffer.aligned(to: alignment)
  }

  /// A buffer of at least `count` values of `width` bytes, cut to exactly that.
  mutating func nextBuffer(
    count: Int, width: Int, alignment: Int, of what: String
  ) throws(IPCError) -> Buffer {
    let buffer = try nextBuffer(alignment: alignment)
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: width)
    guard !overflow, buffer.count >= byteCount else {
      throw bad("its \(what) have \(buffer.count) bytes, too few for \(count) values")
    }
    return buffer.slice(from: 0, byteCount: byteCount)
  }

  /// The validity of a column and the number of its nulls, counted.
  mutating func nextValidity(_ node: Node) throws(IPCError) -> (Buffer, nullCount: Int) {
    let buffer = try nextBuffer(alignment: 1)
    if node.nullCount == 0 { return (.empty, 0) }
    let byteCount = Bitmap.byteCount(forBits: node.count)
    guard buffer.count >= byteCount else {
      throw bad("its validity has \(buffer.count) bytes, too few for \(node.count) values")
    }
    let nullCount = node.count - Bitmap.setBitCount(in: buffer, bitCount: node.count)
    return (nullCount == 0 ? .empty : buffer.slice(from: 0, byteCount: byteCount), nullCount)
  }

  private mutating func decompressed(
    _ buffer: Buffer, _ compression: IPCCompression
  ) throws(IPCError) -> Buffer {
    guard let length = buffer.number(at: 0, as: Int64.self) else {
      throw bad("a compressed buffer has \(buffer.count) bytes, too few for its length")
    }
    let data = buffer.slice(from: 8, byteCount: buffer.count - 8)
    if length == -1 { return data }
    guard length >= 0 else { throw bad("a compressed buffer claims a length of \(length)") }
    guard length <= Int64(limits.maxDecompressedBytes - decompressedBytes) else {
      throw .limitExceeded(
        "its compressed buffers become more than \(limits.maxDecompressedBytes) bytes")
    }
    decompressedBytes += Int(length)
    guard let result = compression.decompress(data, byteCount: Int(length)) else {
      throw bad("a compressed buffer is damaged or is not \(length) bytes long")
    }
    return result
  }
}

extension Buffer {
  /// This buffer, or a copy of it that starts on a multiple of `alignment`, at most 64.
  func aligned(to alignment: Int) -> Buffer {
    let address = unsafe UInt(bitPattern: unsafeBytes.baseAddress)
    if address % UInt(max(alignment, 1)) == 0 { return self }
    let writable = WritableBuffer(byteCount: count)
    unsafe writable.bytes.copyMemory(from: unsafeBytes)
    return writable.finish(byteCount: count)
  }
}
