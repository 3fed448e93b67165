internal import CArrow

/// Reads a `struct ArrowSchema` without taking it over.
enum SchemaImport {
  private static let maxDepth = 64

  static func field(
    _ source: UnsafeMutablePointer<ArrowSchema>, depth: Int
  ) throws(CDataError) -> Field {
    let schema = unsafe source.pointee
    guard unsafe schema.release != nil else { throw .invalidSchema("it has been released") }
    guard depth <= maxDepth else {
      throw .invalidSchema("types nest deeper than \(maxDepth)")
    }
    guard let format = unsafe schema.format else { throw .invalidSchema("a format is missing") }
    let text = unsafe String(cString: format)
    let name = unsafe schema.name.map { unsafe String(cString: $0) } ?? ""
    let children = try unsafe children(schema, depth: depth)
    let flags = unsafe schema.flags
    var type: DataType?
    if let dictionary = unsafe schema.dictionary {
      let value = try unsafe field(dictionary, depth: depth + 1).type
      type = TypeFormat.indexType(text).map {
        .dictionary(
          index: $0, value: value, isOrdered: flags & Int64(ARROW_FLAG_DICTIONARY_ORDERED) != 0)
      }
    } else {
      type = TypeFormat.type(
        text, children: children, keysSorted: flags & Int64(ARROW_FLAG_MAP_KEYS_SORTED) != 0)
    }
    guard let type else { throw .invalidSchema("field \"\(name)\" has the format \"\(text)\"") }
    return Field(
      name, type, isNullable: flags & Int64(ARROW_FLAG_NULLABLE) != 0,
      metadata: unsafe metadata(schema.metadata))
  }

  private static func children(
    _ schema: ArrowSchema, depth: Int
  ) throws(CDataError) -> [Field] {
    var fields: [Field] = []
    for index in 0..<max(unsafe schema.n_children, 0) {
      guard let child = unsafe schema.children?[Int(index)] else {
        throw .invalidSchema("a child is missing")
      }
      fields.append(try unsafe field(child, depth: depth + 1))
    }
    return fields
  }

  /// Pairs as the interface stores them: their number, then length and bytes of key and value.
  private static func metadata(_ bytes: UnsafePointer<CChar>?) -> [KeyValue] {
    guard let bytes = unsafe bytes else { return [] }
    let base = unsafe UnsafeRawPointer(bytes)
    var position = 0
    func number() -> Int {
      defer { position += 4 }
      return unsafe Int(base.loadUnaligned(fromByteOffset: position, as: Int32.self))
    }
    func text() -> [UInt8] {
      let count = max(number(), 0)
      defer { position += count }
      return unsafe Array(UnsafeRawBufferPointer(start: base + position, count: count))
    }
    return (0..<max(number(), 0)).map { _ in KeyValue(keyBytes: text(), valueBytes: text()) }
  }
}

/// Writes a `struct ArrowSchema` whose memory its `release` frees.
enum SchemaExport {
  static func write(_ field: Field, to target: UnsafeMutablePointer<ArrowSchema>) {
    var flags: Int64 = field.isNullable ? Int64(ARROW_FLAG_NULLABLE) : 0
    var children = field.type.children
    var dictionary: Field?
    switch field.type {
    case .map(_, let keysSorted): flags |= keysSorted ? Int64(ARROW_FLAG_MAP_KEYS_SORTED) : 0
    case .dictionary(_, let value, let isOrdered):
      flags |= isOrdered ? Int64(ARROW_FLAG_DICTIONARY_ORDERED) : 0
      children = []
      dictionary = Field("", value)
    default: break
    }
    let childPointers = unsafe allocate(children)
    let dictionaryPointer = unsafe dictionary.map { unsafe allocate($0) }
    unsafe target.initialize(
      to: ArrowSchema(
        format: text(Array(TypeFormat.text(of: field.type).utf8)),
        name: text(Array(field.name.utf8)),
        metadata: field.metadata.isEmpty ? nil : metadata(field.metadata), flags: flags,
        n_children: Int64(children.count), children: childPointers,
        dictionary: dictionaryPointer, release: { unsafe SchemaExport.release($0) },
        private_data: nil))
  }

  private static func allocate(_ field: Field) -> UnsafeMutablePointer<ArrowSchema> {
    let pointer = UnsafeMutablePointer<ArrowSchema>.allocate(capacity: 1)
    unsafe write(field, to: pointer)
    return unsafe pointer
  }

  private static func allocate(
    _ fields: [Field]
  ) -> UnsafeMutablePointer<UnsafeMutablePointer<ArrowSchema>?>? {
    guard !fields.isEmpty else { return nil }
    let pointers = UnsafeMutablePointer<UnsafeMutablePointer<ArrowSchema>?>
      .allocate(capacity: fields.count)
    for (index, field) in fields.enumerated() {
      unsafe (pointers + index).initialize(to: allocate(field))
    }
    return unsafe pointers
  }

  /// A C string; bytes behind an embedded zero are lost to the consumer.
  private static func text(_ bytes: [UInt8]) -> UnsafePointer<CChar> {
    let pointer = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
    for (index, byte) in bytes.enumerated() { unsafe pointer[index] = CChar(bitPattern: byte) }
    unsafe pointer[bytes.count] = 0
    return unsafe UnsafePointer(pointer)
  }

  private static func metadata(_ pairs: [KeyValue]) -> UnsafePointer<CChar> {
    var bytes: [UInt8] = []
    func append(_ number: Int) {
      unsafe withUnsafeBytes(of: Int32(truncatingIfNeeded: number)) {
        unsafe bytes.append(contentsOf: $0)
      }
    }
    append(pairs.count)
    for pair in pairs {
      append(pair.keyBytes.count)
      bytes += pair.keyBytes
      append(pair.valueBytes.count)
      bytes += pair.valueBytes
    }
    return unsafe text(bytes)
  }

  private static func release(_ target: UnsafeMutablePointer<ArrowSchema>?) {
    guard let target = unsafe target else { return }
    let schema = unsafe target.pointee
    unsafe schema.format?.deallocate()
    unsafe schema.name?.deallocate()
    unsafe schema.metadata?.deallocate()
    let childCount = unsafe Int(schema.n_children)
    for index in 0..<childCount {
      guard let child = unsafe schema.children?[index] else { continue }
      unsafe CData.release(child)
      unsafe child.deallocate()
    }
    unsafe schema.children?.deallocate()
    if let dictionary = unsafe schema.dictionary {
      unsafe CData.release(dictionary)
      unsafe dictionary.deallocate()
    }
    unsafe target.pointee.release = nil
  }
}
