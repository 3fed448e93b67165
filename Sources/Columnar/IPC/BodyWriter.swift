/// Collects the nodes and buffers of one record batch and writes its message.
struct BodyWriter {
  private let compression: IPCCompression?
  private var nodes: [(count: Int, nullCount: Int)] = []
  /// Place and length of each buffer in the body, empty ones included.
  private var places: [(offset: Int, count: Int)] = []
  private var variadicCounts: [Int64] = []
  private var body: [Buffer] = []
  private var bodyByteCount = 0

  init(compression: IPCCompression?, columnCount: Int) {
    self.compression = compression
    nodes.reserveCapacity(columnCount)
    places.reserveCapacity(columnCount * 3)
    body.reserveCapacity(columnCount * 3)
  }

  private mutating func append(_ buffer: Buffer) {
    guard !buffer.isEmpty else { return places.append((bodyByteCount, 0)) }
    let shipped = compression?.compress(buffer) ?? buffer
    places.append((bodyByteCount, shipped.count))
    body.append(shipped)
    bodyByteCount += (shipped.count + 7) / 8 * 8
  }

  // MARK: - Columns

  mutating func append(_ column: Column) throws(IPCError) {
    nodes.append((column.count, column.nullCount))
    if column.type.hasValidity {
      guard let validity = column.buffers.first else {
        throw .cannotEncode("a column has no buffers")
      }
      let byteCount = Bitmap.byteCount(forBits: column.count)
      append(column.nullCount == 0 ? .empty : validity.slice(from: 0, byteCount: byteCount))
    }
    try appendValues(column)
  }

  /// Appends what follows the validity.
  private mutating func appendValues(_ column: Column) throws(IPCError) {
    switch column.type {
    case .null: break
    case .bool:
      let byteCount = Bitmap.byteCount(forBits: column.count)
      append(try column.buffer(1).slice(from: 0, byteCount: byteCount))
    case .utf8, .binary: try appendStrings(column, Int32.self)
    case .largeUTF8, .largeBinary: try appendStrings(column, Int64.self)
    case .utf8View, .binaryView:
      append(try column.buffer(1, width: 16))
      variadicCounts.append(Int64(column.buffers.count - 2))
      for buffer in column.buffers.dropFirst(2) { append(buffer) }
    case .list, .map: try appendLists(column, Int32.self)
    case .largeList: try appendLists(column, Int64.self)
    case .listView: try appendListViews(column, width: 4)
    case .largeListView: try appendListViews(column, width: 8)
    case .fixedSizeList(_, let size):
      try append(column.child(0).prefix(column.count * size))
    case .structure(let fields):
      for index in fields.indices { try append(column.child(index).prefix(column.count)) }
    case .union(let mode, let fields, _):
      append(try column.buffer(0, width: 1))
      if mode == .dense { append(try column.buffer(1, width: 4)) }
      for index in fields.indices {
        let child = try column.child(index)
        try append(mode == .sparse ? child.prefix(column.count) : child)
      }
    case .runEndEncoded:
      try append(column.child(0))
      try append(column.child(1))
    default: append(try column.buffer(1, width: column.type.fixedByteWidth ?? 0))
    }
  }

  private mutating func appendListViews(_ column: Column, width: Int) throws(IPCError) {
    append(try column.buffer(1, width: width))
    append(try column.buffer(2, width: width))
    try append(column.child(0))
  }

  private mutating func appendStrings<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ column: Column, _ type: Offset.Type
  ) throws(IPCError) {
    let range = try appendOffsets(column, type)
    append(try column.buffer(2).slice(from: range.lowerBound, byteCount: range.count))
  }

  private mutating func appendLists<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ column: Column, _ type: Offset.Type
  ) throws(IPCError) {
    let range = try appendOffsets(column, type)
    try append(column.child(0).slice(from: range.lowerBound, count: range.count))
  }

  /// Appends offsets that start at 0, and returns the range of values they select. Only those of
  /// a slice, which start elsewhere, are copied.
  private mutating func appendOffsets<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ column: Column, _ type: Offset.Type
  ) throws(IPCError) -> Range<Int> {
    let width = MemoryLayout<Offset>.size
    let buffer = try column.buffer(1).slice(from: 0, byteCount: (column.count + 1) * width)
    let offsets = buffer.values(as: Offset.self)
    guard offsets.count == column.count + 1 else {
      if column.count == 0 { append(Buffer(copying: [Offset(0)])); return 0..<0 }
      throw .cannotEncode("a column has too few offsets")
    }
    let (first, last) = (offsets[0], offsets[column.count])
    guard first >= 0, last >= first else { throw .cannotEncode("offsets descend") }
    if first == 0 {
      append(buffer)
    } else {
      let writable = WritableBuffer(byteCount: buffer.count)
      let target = unsafe writable.bytes.bindMemory(to: Offset.self)
      for row in 0..<offsets.count { unsafe target[row] = offsets[row] &- first }
      append(writable.finish(byteCount: buffer.count))
    }
    return Int(first)..<Int(last)
  }

  // MARK: - The message

  /// The message with everything appended so far.
  ///
  /// - Parameter dictionaryID: Set if the one column is a dictionary.
  func message(rowCount: Int, dictionaryID: Int64?, metadata: [KeyValue]) -> IPCMessage {
    var writer = FlatBufferWriter(
      capacity: 192 + nodes.count * 16 + places.count * 16 + variadicCounts.count * 8)
    let message = writer.table(
      metadata.isEmpty ? Metadata.Message.layout : Metadata.Message.layoutWithMetadata)
    writer.setRoot(message)
    writer.set(message, Metadata.Message.version, Metadata.Version.v5)
    writer.set(message, Metadata.Message.bodyLength, Int64(bodyByteCount))
    let kind =
      dictionaryID == nil ? Metadata.HeaderKind.recordBatch : Metadata.HeaderKind.dictionaryBatch
    writer.set(message, Metadata.Message.headerKind, kind)
    if let dictionaryID {
      let dictionary = writer.childTable(message, Metadata.Message.header, [8, 4])
      writer.set(dictionary, Metadata.DictionaryBatch.id, dictionaryID)
      writeBatch(dictionary, Metadata.DictionaryBatch.data, rowCount: rowCount, &writer)
    } else {
      writeBatch(message, Metadata.Message.header, rowCount: rowCount, &writer)
    }
    writer.metadata(message, Metadata.Message.metadata, metadata)
    writer.pad(to: 8)
    return IPCMessage(header: writer.bytes, body: body, bodyByteCount: bodyByteCount)
  }

  private func writeBatch(
    _ parent: FlatBufferWriter.Table, _ slot: Int, rowCount: Int,
    _ writer: inout FlatBufferWriter
  ) {
    let batch = writer.childTable(
      parent, slot,
      [8, 4, 4, compression == nil ? 0 : 4, variadicCounts.isEmpty ? 0 : 4])
    writer.set(batch, Metadata.RecordBatch.length, Int64(rowCount))
    writer.startVector(
      batch, Metadata.RecordBatch.nodes, count: nodes.count, elementAlignment: 8)
    for node in nodes {
      writer.append(Int64(node.count))
      writer.append(Int64(node.nullCount))
    }
    writer.startVector(
      batch, Metadata.RecordBatch.buffers, count: places.count, elementAlignment: 8)
    for place in places {
      writer.append(Int64(place.offset))
      writer.append(Int64(place.count))
    }
    if let compression {
      let table = writer.childTable(batch, Metadata.RecordBatch.compression, [1, 1])
      writer.set(table, Metadata.BodyCompression.codec, UInt8(compression == .zstd ? 1 : 0))
    }
    if !variadicCounts.isEmpty {
      writer.numbers(batch, Metadata.RecordBatch.variadicCounts, variadicCounts)
    }
  }
}

extension Column {
  fileprivate func buffer(_ index: Int) throws(IPCError) -> Buffer {
    guard index < buffers.count else { throw .cannotEncode("a column lacks buffer \(index)") }
    return buffers[index]
  }

  /// A buffer cut to one value of `width` bytes per row.
  fileprivate func buffer(_ index: Int, width: Int) throws(IPCError) -> Buffer {
    let buffer = try buffer(index).slice(from: 0, byteCount: count * width)
    guard buffer.count == count * width else {
      throw .cannotEncode("a column has too few values")
    }
    return buffer
  }

  fileprivate func child(_ index: Int) throws(IPCError) -> Column {
    guard index < children.count else { throw .cannotEncode("a column lacks child \(index)") }
    return children[index]
  }
}
