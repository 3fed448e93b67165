extension Column {
  /// A column of plain fixed-width values; nil is null.
  ///
  /// - Precondition: values of `type` are as wide as `Value`.
  public static func fixedWidth<Value: BitwiseCopyable & AdditiveArithmetic>(
    _ type: DataType, _ values: [Value?]
  ) -> Column {
    var builder = FixedWidthBuilder<Value>(type)
    for value in values { builder.append(value) }
    return builder.finish()
  }

  public static func int32s(_ values: [Int32?]) -> Column { fixedWidth(.int32, values) }
  public static func int64s(_ values: [Int64?]) -> Column { fixedWidth(.int64, values) }
  public static func doubles(_ values: [Double?]) -> Column { fixedWidth(.float64, values) }

  public static func bools(_ values: [Bool?]) -> Column {
    var builder = BoolBuilder()
    for value in values { builder.append(value) }
    return builder.finish()
  }

  public static func strings(_ values: [String?]) -> Column {
    var builder = StringBuilder()
    for value in values { builder.append(value) }
    return builder.finish()
  }

  public static func binaries(_ values: [[UInt8]?]) -> Column {
    var builder = StringBuilder(.binary)
    for value in values { builder.append(bytes: value) }
    return builder.finish()
  }

  public static func nulls(count: Int) -> Column {
    Column(type: .null, count: count, nullCount: count, buffers: [])
  }

  /// Lists of `item`: list `i` takes the next `counts[i]` values of `items`; nil is a null list.
  ///
  /// - Precondition: `items` holds as many values as `counts` add up to.
  public static func list(_ item: Field, counts: [Int?], items: Column) -> Column {
    lists(.list(item), counts: counts, items: items)
  }

  /// Maps: map `i` takes the next `counts[i]` values of `entries`, a struct of key and value.
  ///
  /// - Precondition: `entries` holds as many values as `counts` add up to.
  public static func map(_ entries: Field, counts: [Int?], entries values: Column) -> Column {
    lists(.map(entries: entries, keysSorted: false), counts: counts, items: values)
  }

  private static func lists(_ type: DataType, counts: [Int?], items: Column) -> Column {
    var offsets: [Int32] = [0]
    var end: Int32 = 0
    var validity = BitmapBuilder()
    for count in counts {
      end += Int32(count ?? 0)
      offsets.append(end)
      validity.append(count != nil)
    }
    precondition(Int(end) == items.count, "lists take all items")
    return Column(
      type: type, count: counts.count, nullCount: counts.count - validity.setCount,
      buffers: [validity.validityBuffer, Buffer(copying: offsets)], children: [items])
  }

  /// A struct of equally long columns.
  ///
  /// - Parameter validity: Which rows are not null; nil when none is.
  public static func structure(
    _ fields: [Field], _ children: [Column], count: Int, validity: [Bool]? = nil
  ) -> Column {
    precondition(children.allSatisfy { $0.count == count }, "columns of a struct are equally long")
    var bits = BitmapBuilder()
    for isValid in validity ?? [] { bits.append(isValid) }
    return Column(
      type: .structure(fields), count: count, nullCount: bits.count - bits.setCount,
      buffers: [bits.validityBuffer], children: children)
  }

  /// A dense union whose type ids are the positions of `fields`. Row `i` takes the next unused
  /// value of child `selections[i]`.
  ///
  /// - Precondition: the children hold the values that are selected; at most 128 children.
  public static func denseUnion(
    _ fields: [Field], selections: [Int], children: [Column]
  ) -> Column {
    var used = Array(repeating: Int32(0), count: children.count)
    var offsets: [Int32] = []
    for selection in selections {
      offsets.append(used[selection])
      used[selection] += 1
    }
    precondition(
      zip(used, children).allSatisfy { Int($0) <= $1.count }, "every selection has a value")
    let typeIDs = selections.map { Int8($0) }
    return Column(
      type: .union(.dense, fields, typeIDs: fields.indices.map { Int8($0) }),
      count: selections.count,
      buffers: [Buffer(copying: typeIDs), Buffer(copying: offsets)], children: children)
  }
}
