public import Columnar

extension Column {
  /// Whether the values are numbers that ``doubles()`` gives.
  public static func isNumber(_ type: DataType) -> Bool {
    switch type {
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float16, .float32,
      .float64:
      true
    case .decimal(let width, _, _): width != .bits256
    default: false
    }
  }

  /// The values as doubles; 0 where they are NULL.
  ///
  /// - Precondition: ``isNumber(_:)``.
  func doubles() -> [Double] {
    switch type {
    case .int8: converted(Int8.self) { Double($0) }
    case .int16: converted(Int16.self) { Double($0) }
    case .int32: converted(Int32.self) { Double($0) }
    case .int64: converted(Int64.self) { Double($0) }
    case .uint8: converted(UInt8.self) { Double($0) }
    case .uint16: converted(UInt16.self) { Double($0) }
    case .uint32: converted(UInt32.self) { Double($0) }
    case .uint64: converted(UInt64.self) { Double($0) }
    case .float16: converted(UInt16.self, Self.half)
    case .float32: converted(Float.self) { Double($0) }
    case .float64: converted(Double.self) { $0 }
    case .decimal(.bits32, _, let scale):
      converted(Int32.self) { [power = Self.power(scale)] in Double($0) / power }
    case .decimal(.bits64, _, let scale):
      converted(Int64.self) { [power = Self.power(scale)] in Double($0) / power }
    case .decimal(.bits128, _, let scale): wideDecimals(Self.power(scale))
    default: Array(repeating: 0, count: count)
    }
  }

  private func converted<Value: BitwiseCopyable>(
    _ type: Value.Type, _ convert: (Value) -> Double
  ) -> [Double] {
    guard buffers.count > 1 else { return Array(repeating: 0, count: count) }
    let buffer = buffers[1]
    let values = buffer.values(as: Value.self)
    return (0..<count).map { row in
      nullCount > 0 && isNull(at: row) ? 0 : convert(values[row])
    }
  }

  /// Decimals of 128 bits: the lower half, then the upper one with the sign.
  private func wideDecimals(_ power: Double) -> [Double] {
    guard buffers.count > 1 else { return Array(repeating: 0, count: count) }
    let buffer = buffers[1]
    let halves = buffer.values(as: UInt64.self)
    return (0..<count).map { row in
      guard nullCount == 0 || !isNull(at: row) else { return 0 }
      let high = Int64(bitPattern: halves[row * 2 + 1])
      return (Double(high) * 18_446_744_073_709_551_616 + Double(halves[row * 2])) / power
    }
  }

  private static func power(_ scale: Int) -> Double {
    var power = 1.0
    for _ in 0..<max(scale, 0) { power *= 10 }
    for _ in 0..<max(-scale, 0) { power /= 10 }
    return power
  }

  /// A number of 16 bits (IEEE 754), which not every processor that we run on knows.
  private static func half(_ bits: UInt16) -> Double {
    let sign: Double = bits >> 15 == 0 ? 1 : -1
    let exponent = Int(bits >> 10 & 0x1F)
    let fraction = Double(bits & 0x3FF) / 1_024
    switch exponent {
    case 0: return sign * fraction / 16_384
    case 0x1F: return fraction == 0 ? sign * .infinity : .nan
    default:
      let power = exponent >= 15 ? Double(1 << (exponent - 15)) : 1 / Double(1 << (15 - exponent))
      return sign * (1 + fraction) * power
    }
  }
}
