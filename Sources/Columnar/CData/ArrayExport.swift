internal import CArrow

/// Writes a `struct ArrowArray` that shares the buffers of a column and keeps them alive.
enum ArrayExport {
  /// What an exported array refers to; held by its `private_data`.
  private final class Contents: Sendable {
    let column: Column
    /// Sizes of the data buffers of a view type, which the interface wants as a buffer.
    let viewSizes: Buffer?

    init(_ column: Column) {
      self.column = column
      switch column.type {
      case .utf8View, .binaryView:
        viewSizes = Buffer(copying: column.buffers.dropFirst(2).map { Int64($0.count) })
      default: viewSizes = nil
      }
    }
  }

  /// Stands in for empty buffers: some consumers do not accept a null pointer for offsets or data.
  private static let zeros = Buffer(copying: Array(repeating: UInt64(0), count: 8))

  static func write(_ column: Column, to target: UnsafeMutablePointer<ArrowArray>) {
    let contents = Contents(column)
    var buffers = column.buffers
    if let sizes = contents.viewSizes { buffers.append(sizes) }
    let children = unsafe allocate(column.children)
    let dictionary = unsafe column.dictionary.map { unsafe allocate($0) }
    let bufferPointers = unsafe pointers(to: buffers, hasValidity: column.type.hasValidity)
    let isCounted = column.type.hasValidity || column.type == .null
    unsafe target.initialize(
      to: ArrowArray(
        length: Int64(column.count), null_count: isCounted ? Int64(column.nullCount) : 0,
        offset: 0, n_buffers: Int64(buffers.count), n_children: Int64(column.children.count),
        buffers: bufferPointers, children: children, dictionary: dictionary,
        release: { unsafe ArrayExport.release($0) },
        private_data: Unmanaged.passRetained(contents).toOpaque()))
  }

  private static func pointers(
    to buffers: [Buffer], hasValidity: Bool
  ) -> UnsafeMutablePointer<UnsafeRawPointer?>? {
    guard !buffers.isEmpty else { return nil }
    let pointers = UnsafeMutablePointer<UnsafeRawPointer?>.allocate(capacity: buffers.count)
    for (index, buffer) in buffers.enumerated() {
      let isValidity = index == 0 && hasValidity
      let pointer =
        unsafe buffer.isEmpty && !isValidity
        ? zeros.unsafeBytes.baseAddress
        : buffer.unsafeBytes.baseAddress
      unsafe (pointers + index).initialize(to: pointer)
    }
    return unsafe pointers
  }

  private static func allocate(_ column: Column) -> UnsafeMutablePointer<ArrowArray> {
    let pointer = UnsafeMutablePointer<ArrowArray>.allocate(capacity: 1)
    unsafe write(column, to: pointer)
    return unsafe pointer
  }

  private static func allocate(
    _ columns: [Column]
  ) -> UnsafeMutablePointer<UnsafeMutablePointer<ArrowArray>?>? {
    guard !columns.isEmpty else { return nil }
    let pointers = UnsafeMutablePointer<UnsafeMutablePointer<ArrowArray>?>
      .allocate(capacity: columns.count)
    for (index, column) in columns.enumerated() {
      unsafe (pointers + index).initialize(to: allocate(column))
    }
    return unsafe pointers
  }

  private static func release(_ target: UnsafeMutablePointer<ArrowArray>?) {
    guard let target = unsafe target else { return }
    let array = unsafe target.pointee
    let childCount = unsafe Int(array.n_children)
    for index in 0..<childCount {
      guard let child = unsafe array.children?[index] else { continue }
      unsafe CData.release(child)
      unsafe child.deallocate()
    }
    unsafe array.children?.deallocate()
    if let dictionary = unsafe array.dictionary {
      unsafe CData.release(dictionary)
      unsafe dictionary.deallocate()
    }
    unsafe array.buffers?.deallocate()
    if let contents = unsafe array.private_data {
      unsafe Unmanaged<Contents>.fromOpaque(contents).release()
    }
    unsafe target.pointee.release = nil
  }
}
