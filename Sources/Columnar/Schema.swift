/// A pair of custom metadata, kept byte by byte: Arrow's producers store more than UTF-8 in it.
public struct KeyValue: Hashable, Sendable {
  public var keyBytes: [UInt8]
  public var valueBytes: [UInt8]

  public init(keyBytes: [UInt8], valueBytes: [UInt8]) {
    self.keyBytes = keyBytes
    self.valueBytes = valueBytes
  }

  public init(_ key: String, _ value: String) {
    self.init(keyBytes: Array(key.utf8), valueBytes: Array(value.utf8))
  }

  public var key: String { String(decoding: keyBytes, as: UTF8.self) }
  public var value: String { String(decoding: valueBytes, as: UTF8.self) }
}

/// Name, type, nullability and custom metadata of a column.
public struct Field: Hashable, Sendable {
  public var name: String
  public var type: DataType
  public var isNullable: Bool
  public var metadata: [KeyValue]

  public init(
    _ name: String, _ type: DataType, isNullable: Bool = true, metadata: [KeyValue] = []
  ) {
    self.name = name
    self.type = type
    self.isNullable = isNullable
    self.metadata = metadata
  }

  /// The value under `key`, if there is one.
  public func metadataValue(_ key: String) -> String? {
    metadata.first { $0.key == key }?.value
  }
}

/// The columns of a batch, in order. Names need be neither unique nor non-empty.
public struct Schema: Hashable, Sendable {
  public var fields: [Field]
  public var metadata: [KeyValue]

  public init(_ fields: [Field], metadata: [KeyValue] = []) {
    self.fields = fields
    self.metadata = metadata
  }

  public init(_ fields: Field...) { self.init(fields) }

  /// The position of the first field of that name.
  public func index(of name: String) -> Int? {
    fields.firstIndex { $0.name == name }
  }
}
