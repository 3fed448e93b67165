/// Collects the values of one column, a row at a time: for small results made by hand.
public protocol ColumnBuilder {
  var count: Int { get }
  mutating func appendNull()
  /// The column with all values so far.
  func finish() -> Column
}

/// Collects numbers, times and everything else whose values are plain fixed-width memory.
public struct FixedWidthBuilder<Value: BitwiseCopyable & AdditiveArithmetic>: ColumnBuilder {
  public let type: DataType
  private var values: [Value] = []
  private var validity = BitmapBuilder()

  /// - Precondition: values of `type` are as wide as `Value`.
  public init(_ type: DataType) {
    self.type = type
  }

  public var count: Int { values.count }

  /// Appends a value; nil is null.
  public mutating func append(_ value: Value?) {
    values.append(value ?? .zero)
    validity.append(value != nil)
  }

  public mutating func appendNull() { append(nil) }

  public func finish() -> Column {
    Column(
      type: type, count: count, nullCount: count - validity.setCount,
      buffers: [validity.validityBuffer, Buffer(copying: values)])
  }
}

/// Collects booleans.
public struct BoolBuilder: ColumnBuilder {
  private var values = BitmapBuilder()
  private var validity = BitmapBuilder()

  public init() {}

  public var count: Int { values.count }

  /// Appends a value; nil is null.
  public mutating func append(_ value: Bool?) {
    values.append(value ?? false)
    validity.append(value != nil)
  }

  public mutating func appendNull() { append(nil) }

  public func finish() -> Column {
    Column(
      type: .bool, count: count, nullCount: count - validity.setCount,
      buffers: [validity.validityBuffer, values.buffer])
  }
}

/// Collects strings or byte strings with 32-bit offsets.
public struct StringBuilder: ColumnBuilder {
  public let type: DataType
  private var offsets: [Int32] = [0]
  private var bytes: [UInt8] = []
  private var validity = BitmapBuilder()

  /// - Parameter type: `.utf8` or `.binary`.
  public init(_ type: DataType = .utf8) {
    self.type = type
  }

  public var count: Int { offsets.count - 1 }

  /// Appends a value; nil is null.
  ///
  /// - Precondition: all values together have less than 2 GiB.
  public mutating func append(_ value: String?) {
    if let value { bytes.append(contentsOf: value.utf8) }
    close(isValid: value != nil)
  }

  /// Appends bytes; nil is null. For a column of type utf8 the bytes are UTF-8.
  public mutating func append(bytes value: [UInt8]?) {
    if let value { bytes.append(contentsOf: value) }
    close(isValid: value != nil)
  }

  public mutating func appendNull() { close(isValid: false) }

  private mutating func close(isValid: Bool) {
    offsets.append(Int32(bytes.count))
    validity.append(isValid)
  }

  public func finish() -> Column {
    Column(
      type: type, count: count, nullCount: count - validity.setCount,
      buffers: [validity.validityBuffer, Buffer(copying: offsets), Buffer(copying: bytes)])
  }
}

/// Collects lists: append the items of one list to `items`, then call `closeList`.
public struct ListBuilder<Items: ColumnBuilder>: ColumnBuilder {
  public var items: Items
  private let item: Field
  private var offsets: [Int32] = [0]
  private var validity = BitmapBuilder()

  /// - Parameter item: The field of the items, as it appears in the list type.
  public init(item: Field, _ items: Items) {
    self.item = item
    self.items = items
  }

  public var count: Int { offsets.count - 1 }

  /// Everything appended to `items` since the last list becomes the next one.
  public mutating func closeList() { close(isValid: true) }

  public mutating func appendNull() { close(isValid: false) }

  private mutating func close(isValid: Bool) {
    offsets.append(Int32(items.count))
    validity.append(isValid)
  }

  public func finish() -> Column {
    Column(
      type: .list(item), count: count, nullCount: count - validity.setCount,
      buffers: [validity.validityBuffer, Buffer(copying: offsets)], children: [items.finish()])
  }
}

extension BitmapBuilder {
  /// The bits as validity: empty when all are set.
  var validityBuffer: Buffer { setCount == count ? .empty : buffer }
}
