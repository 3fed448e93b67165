internal import CArrow

/// Owns one array received through the Arrow C data interface and releases it exactly once, when
/// the last buffer that shares it is gone.
///
/// Source: Arrow C data interface, "Moving an array": the consumer copies the struct and marks the
/// producer's copy as released by setting its `release` to null.
@safe
final class ImportedArray: @unchecked Sendable {
  // Sendable: the struct is not written after `init`; `deinit` runs once.
  private let array: UnsafeMutablePointer<ArrowArray>

  /// Takes ownership; afterwards `source` counts as released.
  init(_ source: UnsafeMutablePointer<ArrowArray>) {
    unsafe array = .allocate(capacity: 1)
    unsafe array.initialize(to: source.pointee)
    unsafe source.pointee.release = nil
  }

  deinit {
    unsafe CData.release(array)
    unsafe array.deallocate()
  }

  func batch(_ schema: Schema) throws(CDataError) -> Batch {
    let type = DataType.structure(schema.fields)
    let column = try unsafe column(ArrayPart(array, type), name: "batch")
    guard column.nullCount == 0 else { throw .invalidArray("a row of a batch is null") }
    return Batch(schema: schema, columns: column.children, rowCount: column.count)
  }

  /// The values of an array that belong to a column, checked for what its type asks for.
  @safe
  private struct ArrayPart {
    let array: ArrowArray
    let type: DataType
    /// Position of the first value in the buffers.
    let start: Int
    let count: Int

    init(_ pointer: UnsafeMutablePointer<ArrowArray>?, _ type: DataType) throws(CDataError) {
      guard let pointer = unsafe pointer else { throw .invalidArray("an array is missing") }
      try unsafe self.init(
        pointer, type, from: 0, count: Int(exactly: pointer.pointee.length) ?? -1)
    }

    /// Part of an array, as a struct or fixed-size list selects it from its children.
    init(
      _ pointer: UnsafeMutablePointer<ArrowArray>, _ type: DataType, from first: Int, count: Int
    ) throws(CDataError) {
      let array = unsafe pointer.pointee
      let (length, offset) = unsafe (Int(array.length), Int(array.offset))
      guard length >= 0, offset >= 0, first >= 0, count >= 0, count <= length,
        first <= length - count, offset <= Int(Int32.max) << 24, first <= Int(Int32.max) << 24
      else {
        throw .invalidArray("\(count) values at \(first) of \(length) from \(offset)")
      }
      unsafe self.array = array
      self.type = type
      start = offset + first
      self.count = count
    }
  }

  // MARK: - Buffers

  /// `byteCount` bytes of buffer `index`, from `offset` on.
  private func buffer(
    _ part: ArrayPart, _ index: Int, from offset: Int, byteCount: Int, alignment: Int
  ) throws(CDataError) -> Buffer {
    guard byteCount > 0 else { return .empty }
    guard unsafe index < part.array.n_buffers, let pointer = unsafe part.array.buffers?[index]
    else { throw .invalidArray("buffer \(index) of a column of type \(part.type) is missing") }
    let bytes = unsafe UnsafeRawBufferPointer(start: pointer + offset, count: byteCount)
    return unsafe Buffer(unsafeBytes: bytes, ownedBy: self).aligned(to: alignment)
  }

  private func values(
    _ part: ArrayPart, _ index: Int, width: Int, extra: Int = 0
  ) throws(CDataError) -> Buffer {
    let (byteCount, overflow) = (part.count + extra).multipliedReportingOverflow(by: width)
    guard !overflow else { throw .invalidArray("\(part.count) values are too many") }
    let alignment = min(part.type.valueAlignment, max(width, 1))
    return try buffer(
      part, index, from: part.start * width, byteCount: byteCount,
      alignment: width == 16 ? 8 : alignment)
  }

  private func bits(_ part: ArrayPart, _ index: Int) throws(CDataError) -> Buffer {
    let first = part.start / 8
    let last = Bitmap.byteCount(forBits: part.start + part.count)
    let bytes = try buffer(part, index, from: first, byteCount: last - first, alignment: 1)
    return Bitmap.slice(bytes, from: part.start % 8, bitCount: part.count)
  }

  /// The validity of the values, and how many are null.
  private func validity(_ part: ArrayPart) throws(CDataError) -> (Buffer, nullCount: Int) {
    let hasBits = unsafe part.array.n_buffers > 0 && part.array.buffers?[0] != nil
    guard hasBits, unsafe part.array.null_count != 0 else { return (.empty, 0) }
    let bits = try bits(part, 0)
    let nullCount = part.count - Bitmap.setBitCount(in: bits, bitCount: part.count)
    return nullCount == 0 ? (.empty, 0) : (bits, nullCount)
  }

  // MARK: - Columns

  private func column(_ part: ArrayPart, name: String) throws(CDataError) -> Column {
    let (validity, nullCount) = part.type.hasValidity ? try validity(part) : (.empty, 0)
    func column(_ buffers: [Buffer], _ children: [Column] = [], dictionary: Column? = nil)
      -> Column
    {
      Column(
        type: part.type, count: part.count, nullCount: nullCount,
        buffers: part.type.hasValidity ? [validity] + buffers : buffers, children: children,
        dictionary: dictionary)
    }
    switch part.type {
    case .null: return .nulls(count: part.count)
    case .bool: return column([try bits(part, 1)])
    case .utf8, .binary: return column(try strings(part, Int32.self))
    case .largeUTF8, .largeBinary: return column(try strings(part, Int64.self))
    case .utf8View, .binaryView: return column(try views(part))
    case .list, .map:
      let (offsets, items) = try list(part, Int32.self)
      return column([offsets], [items])
    case .largeList:
      let (offsets, items) = try list(part, Int64.self)
      return column([offsets], [items])
    case .listView, .largeListView:
      let width = if case .listView = part.type { 4 } else { 8 }
      return column(
        [try values(part, 1, width: width), try values(part, 2, width: width)],
        [try child(part, 0)])
    case .fixedSizeList(_, let size):
      return column([], [try child(part, 0, from: part.start * size, count: part.count * size)])
    case .structure: return column([], try slicedChildren(part))
    case .union(.sparse, _, _):
      return column([try values(part, 0, width: 1)], try slicedChildren(part))
    case .union(.dense, let fields, _):
      var children: [Column] = []
      for index in fields.indices { children.append(try child(part, index)) }
      return column([try values(part, 0, width: 1), try values(part, 1, width: 4)], children)
    case .dictionary(let index, let value, _):
      let dictionary = try unsafe self.column(
        ArrayPart(part.array.dictionary, value), name: name)
      return column([try values(part, 1, width: index.byteWidth)], dictionary: dictionary)
    case .runEndEncoded:
      let whole = Column(
        type: part.type, count: part.start + part.count, buffers: [],
        children: [try child(part, 0), try child(part, 1)])
      return whole.slice(from: part.start, count: part.count)
    default: return column([try values(part, 1, width: part.type.fixedByteWidth ?? 0)])
    }
  }

  /// Child `index`, all of it or a part.
  private func child(
    _ part: ArrayPart, _ index: Int, from first: Int = 0, count: Int? = nil
  ) throws(CDataError) -> Column {
    let field = part.type.children[index]
    guard unsafe index < part.array.n_children, let pointer = unsafe part.array.children?[index]
    else { throw .invalidArray("child \"\(field.name)\" is missing") }
    let length = unsafe Int(pointer.pointee.length)
    let child = try unsafe ArrayPart(pointer, field.type, from: first, count: count ?? length)
    return try column(child, name: field.name)
  }

  private func slicedChildren(_ part: ArrayPart) throws(CDataError) -> [Column] {
    var children: [Column] = []
    for index in part.type.children.indices {
      children.append(try child(part, index, from: part.start, count: part.count))
    }
    return children
  }

  /// Offsets, and the end of the values that they select.
  private func offsets<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ part: ArrayPart, _ type: Offset.Type
  ) throws(CDataError) -> (Buffer, end: Int) {
    // An array of no values need not have offsets.
    if part.count == 0 { return (Buffer(copying: [Offset(0)]), 0) }
    let buffer = try values(part, 1, width: MemoryLayout<Offset>.size, extra: 1)
    let offsets = buffer.values(as: Offset.self)
    let (first, last) = (Int(offsets[0]), Int(offsets[part.count]))
    guard first >= 0, last >= first else { throw .invalidArray("offsets descend") }
    return (buffer, last)
  }

  private func strings<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ part: ArrayPart, _ type: Offset.Type
  ) throws(CDataError) -> [Buffer] {
    let (offsets, end) = try offsets(part, type)
    return [offsets, try buffer(part, 2, from: 0, byteCount: end, alignment: 1)]
  }

  private func list<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ part: ArrayPart, _ type: Offset.Type
  ) throws(CDataError) -> (Buffer, Column) {
    let (offsets, end) = try offsets(part, type)
    let items = try child(part, 0)
    guard end <= items.count else { throw .invalidArray("offsets exceed the items") }
    return (offsets, items)
  }

  private func views(_ part: ArrayPart) throws(CDataError) -> [Buffer] {
    var buffers = [try values(part, 1, width: 16)]
    let dataCount = unsafe Int(part.array.n_buffers) - 3
    guard dataCount > 0 else { return buffers }
    let sizes = try buffer(
      part, dataCount + 2, from: 0, byteCount: dataCount * 8, alignment: 8)
    for index in 0..<dataCount {
      let size = Int(sizes.number(at: index * 8, as: Int64.self) ?? 0)
      buffers.append(try buffer(part, index + 2, from: 0, byteCount: size, alignment: 1))
    }
    return buffers
  }
}
