extension BodyReader {
  mutating func lists<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ type: DataType, _ plan: DictionaryPlan, _ node: Node, offset: Offset.Type
  ) throws(IPCError) -> Column {
    let (validity, nullCount) = try nextValidity(node)
    let (offsets, _, last) = try nextOffsets(node, Offset.self)
    let items = try child(type.children[0], plan: plan, 0)
    guard last <= items.count else {
      throw bad("its last offset is \(last), beyond its \(items.count) items")
    }
    return Column(
      type: type, count: node.count, nullCount: nullCount, buffers: [validity, offsets],
      children: [items])
  }

  mutating func listViews<Offset: FixedWidthInteger & BitwiseCopyable>(
    _ type: DataType, _ plan: DictionaryPlan, _ node: Node, offset: Offset.Type
  ) throws(IPCError) -> Column {
    let (validity, nullCount) = try nextValidity(node)
    let width = MemoryLayout<Offset>.size
    let offsets = try nextBuffer(
      count: node.count, width: width, alignment: width, of: "offsets")
    let sizes = try nextBuffer(count: node.count, width: width, alignment: width, of: "sizes")
    let items = try child(type.children[0], plan: plan, 0)
    let (starts, counts) = (offsets.values(as: Offset.self), sizes.values(as: Offset.self))
    for row in 0..<node.count {
      let (start, count) = (starts[row], counts[row])
      guard start >= 0, count >= 0, Int(start) <= items.count,
        Int(count) <= items.count - Int(start)
      else { throw bad("list \(row) has \(count) items at \(start) of \(items.count)") }
    }
    return Column(
      type: type, count: node.count, nullCount: nullCount, buffers: [validity, offsets, sizes],
      children: [items])
  }

  mutating func fixedSizeLists(
    _ type: DataType, _ item: Field, _ size: Int, _ plan: DictionaryPlan, _ node: Node
  ) throws(IPCError) -> Column {
    let (validity, nullCount) = try nextValidity(node)
    let items = try child(item, plan: plan, 0)
    let (needed, overflow) = node.count.multipliedReportingOverflow(by: size)
    guard !overflow, items.count >= needed else {
      throw bad("it has \(items.count) items, too few for \(node.count) lists of \(size)")
    }
    return Column(
      type: type, count: node.count, nullCount: nullCount, buffers: [validity],
      children: [items.prefix(needed)])
  }

  mutating func structures(
    _ type: DataType, _ fields: [Field], _ plan: DictionaryPlan, _ node: Node
  ) throws(IPCError) -> Column {
    let (validity, nullCount) = try nextValidity(node)
    let children = try equallyLongChildren(fields, plan, node)
    return Column(
      type: type, count: node.count, nullCount: nullCount, buffers: [validity],
      children: children)
  }

  private mutating func equallyLongChildren(
    _ fields: [Field], _ plan: DictionaryPlan, _ node: Node
  ) throws(IPCError) -> [Column] {
    var children: [Column] = []
    for (index, field) in fields.enumerated() {
      let child = try child(field, plan: plan, index)
      guard child.count >= node.count else {
        throw bad("its child \"\(field.name)\" has \(child.count) of \(node.count) values")
      }
      children.append(child.prefix(node.count))
    }
    return children
  }

  mutating func unions(
    _ type: DataType, _ mode: UnionMode, _ fields: [Field], _ typeIDs: [Int8],
    _ plan: DictionaryPlan, _ node: Node
  ) throws(IPCError) -> Column {
    try skipOldValidity(node)
    let ids = try nextBuffer(count: node.count, width: 1, alignment: 1, of: "type ids")
    var offsets = Buffer.empty
    if mode == .dense {
      offsets = try nextBuffer(count: node.count, width: 4, alignment: 4, of: "offsets")
    }
    var children: [Column] = []
    if mode == .sparse {
      children = try equallyLongChildren(fields, plan, node)
    } else {
      for (index, field) in fields.enumerated() {
        children.append(try child(field, plan: plan, index))
      }
    }
    try checkTypeIDs(ids, offsets, typeIDs, mode == .dense ? children : nil)
    return Column(
      type: type, count: node.count, buffers: mode == .dense ? [ids, offsets] : [ids],
      children: children)
  }

  /// Metadata version V4 gave a validity to unions, and to run-end encoded columns, too.
  mutating func skipOldValidity(_ node: Node) throws(IPCError) {
    guard isV4 else { return }
    _ = try nextBuffer(alignment: 1)
    guard node.nullCount == 0 else {
      throw .unsupported("a union with nulls of its own, which metadata version V4 allowed")
    }
  }

  /// Every type id is one of the type's; every offset of a dense union is within its child.
  private func checkTypeIDs(
    _ ids: Buffer, _ offsets: Buffer, _ typeIDs: [Int8], _ children: [Column]?
  ) throws(IPCError) {
    // The number of values that may be selected by each id; -1 for no such id.
    var counts = Array(repeating: -1, count: 128)
    for (index, id) in typeIDs.enumerated() where id >= 0 {
      counts[Int(id)] = children?[index].count ?? .max
    }
    let (idValues, offsetValues) = (ids.values(as: Int8.self), offsets.values(as: Int32.self))
    for row in 0..<idValues.count {
      let id = idValues[row]
      let count = id >= 0 ? counts[Int(id)] : -1
      guard count >= 0 else { throw bad("row \(row) has the unknown type id \(id)") }
      guard children != nil else { continue }
      let offset = offsetValues[row]
      guard offset >= 0, Int(offset) < count else {
        throw bad("row \(row) selects value \(offset) of \(count)")
      }
    }
  }
}
