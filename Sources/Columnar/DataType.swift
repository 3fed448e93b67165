/// An Arrow type: what the values of a column are and how they lie in memory.
///
/// Every type of the Arrow columnar format 1.5 has a case. Extension types are their storage type;
/// the name and the parameters of the extension are metadata of the field.
public indirect enum DataType: Hashable, Sendable {
  case null
  case bool
  case int8, int16, int32, int64
  case uint8, uint16, uint32, uint64
  case float16, float32, float64
  case decimal(width: DecimalWidth, precision: Int, scale: Int)
  /// Days since 1970-01-01.
  case date32
  /// Milliseconds since 1970-01-01, a multiple of a day.
  case date64
  /// Time of day in seconds or milliseconds.
  case time32(TimeUnit)
  /// Time of day in microseconds or nanoseconds.
  case time64(TimeUnit)
  /// Time since 1970-01-01: UTC if there is a time zone, else a wall clock time of no zone.
  case timestamp(TimeUnit, timeZone: String?)
  case duration(TimeUnit)
  case interval(IntervalUnit)
  case utf8, largeUTF8, utf8View
  case binary, largeBinary, binaryView
  case fixedSizeBinary(byteWidth: Int)
  case list(Field), largeList(Field)
  case listView(Field), largeListView(Field)
  case fixedSizeList(Field, count: Int)
  case structure([Field])
  /// `entries` is a struct of two fields, key and value.
  case map(entries: Field, keysSorted: Bool)
  /// `typeIDs[i]` is the type id that selects `fields[i]`.
  case union(UnionMode, [Field], typeIDs: [Int8])
  /// Values are indices into a dictionary, which travels beside the column.
  case dictionary(index: IndexType, value: DataType, isOrdered: Bool)
  case runEndEncoded(runEnds: Field, values: Field)
}

/// How wide a decimal is stored.
public enum DecimalWidth: Int, Hashable, Sendable {
  case bits32 = 32
  case bits64 = 64
  case bits128 = 128
  case bits256 = 256

  public var byteCount: Int { rawValue / 8 }
}

public enum TimeUnit: Int, Hashable, Sendable {
  case second, millisecond, microsecond, nanosecond
}

public enum IntervalUnit: Int, Hashable, Sendable {
  /// Months, 32 bits.
  case yearMonth
  /// Days and milliseconds, 32 bits each.
  case dayTime
  /// Months and days of 32 bits, nanoseconds of 64 bits.
  case monthDayNano
}

public enum UnionMode: Int, Hashable, Sendable {
  case sparse, dense
}

/// The integer type of dictionary indices.
public enum IndexType: Hashable, Sendable {
  case int8, int16, int32, int64
  case uint8, uint16, uint32, uint64

  public var dataType: DataType {
    switch self {
    case .int8: .int8
    case .int16: .int16
    case .int32: .int32
    case .int64: .int64
    case .uint8: .uint8
    case .uint16: .uint16
    case .uint32: .uint32
    case .uint64: .uint64
    }
  }
}
