import CDuckDB
import Columnar

extension VectorFiller {
  /// Text and bytes with offsets.
  @unsafe
  func fillText<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ vector: duckdb_vector, _ target: Int, _ rows: ColumnRows, _ type: Offset.Type
  ) {
    guard let data = unsafe duckdb_vector_get_data(vector),
      let offsets = unsafe rows.values(as: Offset.self)
    else { return }
    let entries = unsafe data + target * 16
    let text = unsafe rows.column.buffers[2].unsafeBytes
    unsafe fillEntries(entries, count: rows.count, offsets, text)
  }

  /// Views: an entry is laid out as DuckDB's, but for where long text is.
  @unsafe
  func fillViews(_ vector: duckdb_vector, _ target: Int, _ rows: ColumnRows) {
    guard let data = unsafe duckdb_vector_get_data(vector),
      let base = unsafe rows.column.buffers[1].unsafeBytes.baseAddress
    else { return }
    let texts = unsafe rows.column.buffers.dropFirst(2).map { unsafe $0.unsafeBytes }
    let views = unsafe base + rows.start * 16
    let entries = unsafe data + target * 16
    for row in unsafe 0..<rows.count {
      let (view, entry) = unsafe (views + row * 16, entries + row * 16)
      let length = unsafe Int(view.loadUnaligned(as: UInt32.self))
      if length <= inlineTextLimit {
        unsafe storeShort(
          entry, length, view.loadUnaligned(fromByteOffset: 4, as: UInt64.self),
          view.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
        continue
      }
      let buffer = unsafe Int(view.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
      let offset = unsafe Int(view.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
      // A view under a null may point anywhere.
      guard unsafe buffer < texts.count, unsafe offset + length <= texts[buffer].count,
        let text = unsafe texts[buffer].baseAddress
      else {
        unsafe storeShort(entry, 0, 0, 0)
        continue
      }
      unsafe storeLong(entry, length, text + offset)
    }
  }

  /// Bytes of one width.
  @unsafe
  func fillFixedBytes(
    _ vector: duckdb_vector, _ target: Int, _ rows: ColumnRows, _ width: Int
  ) {
    guard let data = unsafe duckdb_vector_get_data(vector) else { return }
    let bytes = unsafe rows.column.buffers[1].unsafeBytes
    for row in unsafe 0..<rows.count {
      let entry = unsafe data + (target + row) * 16
      let start = unsafe (rows.start + row) * width
      unsafe storeEntry(entry, bytes, from: start, width)
    }
  }
}

@unsafe
@inline(__always)
private func fillEntries<Offset: FixedWidthInteger & BitwiseCopyable>(
  _ entries: UnsafeMutableRawPointer, count: Int, _ offsets: UnsafePointer<Offset>,
  _ text: UnsafeRawBufferPointer
) {
  var start = unsafe Int(truncatingIfNeeded: offsets[0])
  for row in 0..<count {
    let end = unsafe Int(truncatingIfNeeded: offsets[row &+ 1])
    unsafe storeEntry(entries + row &* 16, text, from: start, end &- start)
    start = end
  }
}

/// Writes the entry of `length` bytes of `text`, without reading behind the end of `text`.
@unsafe
@inline(__always)
private func storeEntry(
  _ entry: UnsafeMutableRawPointer, _ text: UnsafeRawBufferPointer, from start: Int, _ length: Int
) {
  guard length > 0, let base = text.baseAddress else {
    return unsafe storeShort(entry, 0, 0, 0)
  }
  let place = unsafe base + start
  if length > inlineTextLimit { return unsafe storeLong(entry, length, place) }
  if start &+ inlineTextLimit <= text.count {
    return unsafe storeShort(
      entry, length, place.loadUnaligned(as: UInt64.self),
      place.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
  }
  var (low, high) = (UInt64(0), UInt32(0))
  for index in 0..<length {
    let byte = unsafe place.load(fromByteOffset: index, as: UInt8.self)
    if index < 8 {
      low |= UInt64(byte) &<< UInt64(8 * index)
    } else {
      high |= UInt32(byte) &<< UInt32(8 * (index - 8))
    }
  }
  unsafe storeShort(entry, length, low, high)
}

/// An entry that holds its text, with zeros behind it: DuckDB compares all 12 bytes.
@unsafe
@inline(__always)
private func storeShort(
  _ entry: UnsafeMutableRawPointer, _ length: Int, _ low: UInt64, _ high: UInt32
) {
  let lowMask = length >= 8 ? UInt64.max : (1 &<< UInt64(8 &* length)) &- 1
  let highMask =
    length <= 8 ? 0 : UInt32(truncatingIfNeeded: (1 &<< UInt64(8 &* (length &- 8))) &- 1)
  unsafe entry.storeBytes(of: UInt32(truncatingIfNeeded: length), as: UInt32.self)
  unsafe entry.storeBytes(of: low & lowMask, toByteOffset: 4, as: UInt64.self)
  unsafe entry.storeBytes(of: high & highMask, toByteOffset: 12, as: UInt32.self)
}

/// An entry that points to its text, which stays where it is.
@unsafe
@inline(__always)
private func storeLong(
  _ entry: UnsafeMutableRawPointer, _ length: Int, _ text: UnsafeRawPointer
) {
  unsafe entry.storeBytes(of: UInt32(truncatingIfNeeded: length), as: UInt32.self)
  unsafe entry.storeBytes(
    of: text.loadUnaligned(as: UInt32.self), toByteOffset: 4, as: UInt32.self)
  unsafe entry.storeBytes(of: text, toByteOffset: 8, as: UnsafeRawPointer.self)
}
