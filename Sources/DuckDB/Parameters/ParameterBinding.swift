import CDuckDB
import Columnar

/// Binds one Arrow value to a parameter.
struct ParameterBinding {
  /// Names the value in errors.
  let name: String

  /// Binds the value at `row`; what DuckDB cannot hold exactly is refused.
  @unsafe
  func bind(
    _ statement: duckdb_prepared_statement?, _ index: UInt64, _ column: Column, _ row: Int
  ) throws(DuckDBError) -> duckdb_state {
    var value = try unsafe ParameterValue(name: name).make(column, row)
    defer { unsafe duckdb_destroy_value(&value) }
    return unsafe duckdb_bind_value(statement, index, value)
  }
}

/// Makes DuckDB's values from Arrow's, one at a time. The caller destroys them.
struct ParameterValue {
  let name: String

  @unsafe
  func make(_ column: Column, _ row: Int) throws(DuckDBError) -> duckdb_value? {
    guard column.isValid(row) else { return unsafe duckdb_create_null_value() }
    switch column.type {
    case .null: return unsafe duckdb_create_null_value()
    case .dictionary(let index, _, _):
      guard let dictionary = column.dictionary else { break }
      let code = column.buffers[1].integer(at: row, index.dataType)
      guard code >= 0, code < dictionary.count else { break }
      return try unsafe make(dictionary, code)
    case .runEndEncoded:
      let ends = column.children[0]
      for run in 0..<ends.count where ends.buffers[1].integer(at: run, ends.type) > row {
        return try unsafe make(column.children[1], run)
      }
    case .utf8, .binary, .largeUTF8, .largeBinary, .utf8View, .binaryView, .fixedSizeBinary:
      return unsafe bytes(column, row)
    case .list, .largeList, .listView, .largeListView, .fixedSizeList, .structure, .map, .union:
      return try unsafe nested(column, row)
    default: return try unsafe fixed(column, row)
    }
    throw DuckDBTypes.refusal(name, "a value of type \(column.type) is damaged")
  }

  @unsafe
  private func bytes(_ column: Column, _ row: Int) -> duckdb_value? {
    let bytes = unsafe column.rawBytes(at: row)
    let isText =
      switch column.type {
      case .utf8, .largeUTF8, .utf8View: true
      default: false
      }
    let count = UInt64(bytes.count)
    guard let base = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
      return unsafe isText ? duckdb_create_varchar_length("", 0) : duckdb_create_blob([0], 0)
    }
    guard isText else { return unsafe duckdb_create_blob(base, count) }
    return unsafe UnsafeRawPointer(base).withMemoryRebound(to: CChar.self, capacity: bytes.count) {
      unsafe duckdb_create_varchar_length($0, count)
    }
  }

  @unsafe
  private func fixed(_ column: Column, _ row: Int) throws(DuckDBError) -> duckdb_value? {
    let values = column.buffers[1]
    let integer = values.integer(at: row, column.type.storageInteger)
    let wide = Int64(integer)
    switch column.type {
    case .bool:
      let byte = values.integer(at: row >> 3, .uint8)
      return unsafe duckdb_create_bool(byte >> (row & 7) & 1 == 1)
    case .int8: return unsafe duckdb_create_int8(Int8(truncatingIfNeeded: integer))
    case .int16: return unsafe duckdb_create_int16(Int16(truncatingIfNeeded: integer))
    case .int32: return unsafe duckdb_create_int32(Int32(truncatingIfNeeded: integer))
    case .int64: return unsafe duckdb_create_int64(wide)
    case .uint8: return unsafe duckdb_create_uint8(UInt8(truncatingIfNeeded: integer))
    case .uint16: return unsafe duckdb_create_uint16(UInt16(truncatingIfNeeded: integer))
    case .uint32: return unsafe duckdb_create_uint32(UInt32(truncatingIfNeeded: integer))
    case .uint64: return unsafe duckdb_create_uint64(UInt64(truncatingIfNeeded: integer))
    case .float16:
      return unsafe duckdb_create_float(float32(fromHalf: UInt16(truncatingIfNeeded: integer)))
    case .float32:
      return unsafe duckdb_create_float(
        Float32(bitPattern: UInt32(truncatingIfNeeded: integer)))
    case .float64:
      return unsafe duckdb_create_double(Float64(bitPattern: UInt64(truncatingIfNeeded: integer)))
    case .decimal(let width, let precision, let scale):
      return try unsafe decimal(column, row, width, precision: precision, scale: scale)
    case .interval(let unit): return try unsafe interval(column, row, unit)
    default: return try unsafe time(column.type, wide)
    }
  }

  /// Dates, times, timestamps and durations.
  @unsafe
  private func time(_ type: DataType, _ value: Int64) throws(DuckDBError) -> duckdb_value? {
    switch type {
    case .date32:
      return unsafe duckdb_create_date(duckdb_date(days: Int32(truncatingIfNeeded: value)))
    case .date64:
      let (days, rest) = value.quotientAndRemainder(dividingBy: 86_400_000)
      guard rest == 0, let days = Int32(exactly: days) else { break }
      return unsafe duckdb_create_date(duckdb_date(days: days))
    case .time32(let unit):
      guard let micros = timeOfDay(value, unit == .second ? 1_000_000 : 1_000) else { break }
      return unsafe duckdb_create_time(duckdb_time(micros: micros))
    case .time64(.nanosecond):
      guard value >= 0 && value <= 86_400_000_000_000 else { break }
      return unsafe duckdb_create_time_ns(duckdb_time_ns(nanos: value))
    case .time64:
      guard value >= 0 && value <= 86_400_000_000 else { break }
      return unsafe duckdb_create_time(duckdb_time(micros: value))
    case .timestamp(.second, nil):
      return unsafe duckdb_create_timestamp_s(duckdb_timestamp_s(seconds: value))
    case .timestamp(.millisecond, nil):
      return unsafe duckdb_create_timestamp_ms(duckdb_timestamp_ms(millis: value))
    case .timestamp(.microsecond, nil):
      return unsafe duckdb_create_timestamp(duckdb_timestamp(micros: value))
    case .timestamp(.nanosecond, nil):
      return unsafe duckdb_create_timestamp_ns(duckdb_timestamp_ns(nanos: value))
    case .timestamp(let unit, .some):
      guard let micros = microseconds(value, unit) else { break }
      return unsafe duckdb_create_timestamp_tz(duckdb_timestamp(micros: micros))
    case .duration(let unit):
      guard let micros = microseconds(value, unit) else { break }
      return unsafe duckdb_create_interval(duckdb_interval(months: 0, days: 0, micros: micros))
    default: break
    }
    throw inexact("\(value)", type)
  }

  private func inexact(_ value: String, _ type: DataType) -> DuckDBError {
    DuckDBError(
      kind: .conversion,
      message: "\(name): the value \(value) of type \(type) has no exact form in DuckDB")
  }

  @unsafe
  private func decimal(
    _ column: Column, _ row: Int, _ width: DecimalWidth, precision: Int, scale: Int
  ) throws(DuckDBError) -> duckdb_value? {
    let (digits, places) = try DuckDBTypes.decimal(
      precision: precision, scale: scale, column: name)
    let bytes = unsafe column.buffers[1].unsafeBytes
    let limit = powerOfTen(digits)
    guard (row + 1) * width.byteCount <= bytes.count, let base = bytes.baseAddress,
      let value = unsafe loadDecimal(base + row * width.byteCount, width),
      case let (scaled, overflow) = value.multipliedReportingOverflow(
        by: scale < 0 ? powerOfTen(-scale) : 1), !overflow, scaled > -limit, scaled < limit
    else { throw inexact("in row \(row)", column.type) }
    let huge = duckdb_hugeint(
      lower: UInt64(truncatingIfNeeded: scaled), upper: Int64(truncatingIfNeeded: scaled >> 64))
    return unsafe duckdb_create_decimal(
      duckdb_decimal(
        width: UInt8(truncatingIfNeeded: digits), scale: UInt8(truncatingIfNeeded: places),
        value: huge))
  }

  @unsafe
  private func interval(
    _ column: Column, _ row: Int, _ unit: IntervalUnit
  ) throws(DuckDBError) -> duckdb_value? {
    let values = column.buffers[1]
    let first = Int32(truncatingIfNeeded: values.integer(at: row, .int32))
    switch unit {
    case .yearMonth:
      return unsafe duckdb_create_interval(duckdb_interval(months: first, days: 0, micros: 0))
    case .dayTime:
      let days = Int32(truncatingIfNeeded: values.integer(at: 2 * row, .int32))
      let milliseconds = Int64(values.integer(at: 2 * row + 1, .int32))
      return unsafe duckdb_create_interval(
        duckdb_interval(months: 0, days: days, micros: milliseconds * 1_000))
    case .monthDayNano:
      let months = Int32(truncatingIfNeeded: values.integer(at: 4 * row, .int32))
      let days = Int32(truncatingIfNeeded: values.integer(at: 4 * row + 1, .int32))
      let nanos = Int64(values.integer(at: 2 * row + 1, .int64))
      guard let micros = microseconds(nanos, .nanosecond) else {
        throw inexact("\(nanos) ns", column.type)
      }
      return unsafe duckdb_create_interval(
        duckdb_interval(months: months, days: days, micros: micros))
    }
  }

  // MARK: - Nested values

  @unsafe
  private func nested(_ column: Column, _ row: Int) throws(DuckDBError) -> duckdb_value? {
    let type = try DuckDBTypes.type(for: plainType(column.type), column: name)
    switch column.type {
    case .structure:
      var members = try unsafe values(column.children.map { ($0, row) })
      defer { unsafe destroy(&members) }
      return unsafe duckdb_create_struct_value(type.handle, &members)
    case .union(_, _, let typeIDs):
      let id = column.buffers[0].integer(at: row, .int8)
      guard let tag = typeIDs.firstIndex(where: { Int($0) == id }) else { break }
      let isDense = if case .union(.dense, _, _) = column.type { true } else { false }
      let place = isDense ? column.buffers[1].integer(at: row, .int32) : row
      var member = try unsafe make(column.children[tag], place)
      defer { unsafe duckdb_destroy_value(&member) }
      return unsafe duckdb_create_union_value(type.handle, UInt64(tag), member)
    case .map:
      guard let entries = column.children.first, entries.children.count == 2,
        let range = column.elements(at: row)
      else { break }
      var keys = try unsafe values(range.map { (entries.children[0], $0) })
      defer { unsafe destroy(&keys) }
      var mapped = try unsafe values(range.map { (entries.children[1], $0) })
      defer { unsafe destroy(&mapped) }
      return unsafe duckdb_create_map_value(type.handle, &keys, &mapped, UInt64(range.count))
    default:
      guard let items = column.children.first, let range = column.elements(at: row) else { break }
      var elements = try unsafe values(range.map { (items, $0) })
      defer { unsafe destroy(&elements) }
      let element = type.element
      return unsafe type.id == DUCKDB_TYPE_ARRAY
        ? duckdb_create_array_value(element.handle, &elements, UInt64(range.count))
        : duckdb_create_list_value(element.handle, &elements, UInt64(range.count))
    }
    throw DuckDBTypes.refusal(name, "a value of type \(column.type) is damaged")
  }

  @unsafe
  private func values(
    _ places: [(column: Column, row: Int)]
  ) throws(DuckDBError) -> [duckdb_value?] {
    var made: [duckdb_value?] = unsafe []
    for place in places {
      do throws(DuckDBError) {
        unsafe made.append(try unsafe make(place.column, place.row))
      } catch {
        unsafe destroy(&made)
        throw error
      }
    }
    return unsafe made
  }

  @unsafe
  private func destroy(_ values: inout [duckdb_value?]) {
    for index in unsafe values.indices { unsafe duckdb_destroy_value(&values[index]) }
  }
}

extension Column {
  /// The bytes of a text or binary value; empty if they are not all there.
  @unsafe
  func rawBytes(at row: Int) -> UnsafeRawBufferPointer {
    func part(_ buffer: Int, _ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
      guard buffer < buffers.count, start >= 0, end >= start, end <= buffers[buffer].count else {
        return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
      }
      return unsafe UnsafeRawBufferPointer(rebasing: buffers[buffer].unsafeBytes[start..<end])
    }
    let first = buffers[1]
    switch type {
    case .utf8, .binary:
      return unsafe part(2, first.integer(at: row, .int32), first.integer(at: row + 1, .int32))
    case .largeUTF8, .largeBinary:
      return unsafe part(2, first.integer(at: row, .int64), first.integer(at: row + 1, .int64))
    case .fixedSizeBinary(let width): return unsafe part(1, row * width, (row + 1) * width)
    case .utf8View, .binaryView:
      let length = first.integer(at: 4 * row, .uint32)
      guard length > inlineTextLimit else {
        return unsafe part(1, 16 * row + 4, 16 * row + 4 + length)
      }
      let start = first.integer(at: 4 * row + 3, .int32)
      return unsafe part(2 + first.integer(at: 4 * row + 2, .int32), start, start + length)
    default: return unsafe part(0, 0, 0)
    }
  }

  /// Which elements of the child belong to a list, array or map.
  func elements(at row: Int) -> Range<Int>? {
    let start: Int
    let end: Int
    switch type {
    case .list, .map:
      (start, end) = (
        buffers[1].integer(at: row, .int32), buffers[1].integer(at: row + 1, .int32)
      )
    case .largeList:
      (start, end) = (
        buffers[1].integer(at: row, .int64), buffers[1].integer(at: row + 1, .int64)
      )
    case .listView:
      start = buffers[1].integer(at: row, .int32)
      end = start + buffers[2].integer(at: row, .int32)
    case .largeListView:
      start = buffers[1].integer(at: row, .int64)
      end = start + buffers[2].integer(at: row, .int64)
    case .fixedSizeList(_, let size): (start, end) = (row * size, (row + 1) * size)
    default: return nil
    }
    guard start >= 0, end >= start, let child = children.first, end <= child.count else {
      return nil
    }
    return start..<end
  }
}

extension DataType {
  /// An integer type as wide as a value of this type, for reading its bits.
  var storageInteger: DataType {
    switch self {
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: self
    default:
      switch plainByteWidth {
      case 2: .uint16
      case 4:
        switch self {
        case .float32: .uint32
        default: .int32
        }
      default: .int64
      }
    }
  }
}
