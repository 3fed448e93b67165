extension BodyReader {
  mutating func indices(
    _ type: DataType, _ index: IndexType, _ value: DataType, _ plan: DictionaryPlan, _ node: Node
  ) throws(IPCError) -> Column {
    let (validity, nullCount) = try nextValidity(node)
    let indices = try nextBuffer(
      count: node.count, width: index.byteWidth, alignment: index.byteWidth, of: "indices")
    let id = plan.id ?? 0
    guard let dictionary = dictionaries.values[id] ?? .empty(value, unless: nullCount < node.count)
    else {
      throw .unexpectedMessage("dictionary \(id), which a batch needs, has not been sent")
    }
    func column(_ indices: Buffer) -> Column {
      Column(
        type: type, count: node.count, nullCount: nullCount, buffers: [validity, indices],
        dictionary: dictionary)
    }
    let result = column(indices)
    guard let row = result.firstIndexOutOfRange(index, dictionary.count) else { return result }
    guard row.isNull else {
      throw bad("row \(row.row) selects a value beyond its dictionary of \(dictionary.count)")
    }
    return column(result.clearingNulls(in: indices, width: index.byteWidth))
  }

  mutating func runs(
    _ type: DataType, _ runEndField: Field, _ valueField: Field, _ plan: DictionaryPlan,
    _ node: Node
  ) throws(IPCError) -> Column {
    try skipOldValidity(node)
    let runEnds = try child(runEndField, plan: plan, 0)
    let values = try child(valueField, plan: plan, 1)
    guard runEnds.nullCount == 0 else { throw bad("some of its run ends are null") }
    guard values.count >= runEnds.count else {
      throw bad("it has \(values.count) values for \(runEnds.count) runs")
    }
    let end: Int?
    switch runEndField.type {
    case .int16: end = lastRunEnd(runEnds, Int16.self)
    case .int32: end = lastRunEnd(runEnds, Int32.self)
    default: end = lastRunEnd(runEnds, Int64.self)
    }
    guard let end else { throw bad("its run ends do not ascend from above 0") }
    guard end >= node.count else { throw bad("its runs end at \(end) of \(node.count) rows") }
    return Column(
      type: type, count: node.count, buffers: [],
      children: [runEnds, values.prefix(runEnds.count)])
  }

  /// The last of run ends that ascend from above 0, 0 if there are none, nil if they do not.
  private func lastRunEnd<Value: FixedWidthInteger & BitwiseCopyable>(
    _ column: Column, _ type: Value.Type
  ) -> Int? {
    let buffer = column.buffers[1]
    let ends = buffer.values(as: Value.self)
    var last = Value(0)
    for index in 0..<ends.count {
      guard ends[index] > last else { return nil }
      last = ends[index]
    }
    return Int(last)
  }
}

extension Column {
  /// The first row whose index is not below `limit`: one that is not null before one that is.
  fileprivate func firstIndexOutOfRange(
    _ type: IndexType, _ limit: Int
  ) -> (row: Int, isNull: Bool)? {
    switch type {
    case .int8, .uint8: firstIndexOutOfRange(UInt8.self, limit)
    case .int16, .uint16: firstIndexOutOfRange(UInt16.self, limit)
    case .int32, .uint32: firstIndexOutOfRange(UInt32.self, limit)
    case .int64, .uint64: firstIndexOutOfRange(UInt64.self, limit)
    }
  }

  /// Signed indices are read as unsigned: negative ones are then beyond any dictionary, or, in
  /// one that large, caught by the half they may not use.
  private func firstIndexOutOfRange<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ type: Value.Type, _ limit: Int
  ) -> (row: Int, isNull: Bool)? {
    let buffer = buffers[1]
    let indices = buffer.values(as: Value.self)
    var largest = Value(0)
    for index in 0..<indices.count { unsafe largest = max(largest, indices[unchecked: index]) }
    if count == 0 || UInt64(largest) < UInt64(min(limit, indexLimit)) { return nil }
    var firstNull: Int?
    for row in 0..<count where UInt64(indices[row]) >= UInt64(min(limit, indexLimit)) {
      if isValid(at: row) { return (row, false) }
      firstNull = firstNull ?? row
    }
    return firstNull.map { ($0, true) }
  }

  /// One more than the largest index that the index type can hold.
  private var indexLimit: Int {
    guard case .dictionary(let index, _, _) = type else { return 0 }
    let (limit, overflow) = index.maxIndex.addingReportingOverflow(1)
    return overflow ? .max : limit
  }

  /// A column without values, unless `condition` holds.
  fileprivate static func empty(_ type: DataType, unless condition: Bool) -> Column? {
    condition ? nil : .empty(type)
  }
}
