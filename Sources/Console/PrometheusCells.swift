internal import CoreMetrics
private import Synchronization

/// A count that only grows.
final class CounterCell: CounterHandler, Series {
  private let value = Atomic<Int64>(0)

  func increment(by amount: Int64) { value.wrappingAdd(amount, ordering: .relaxed) }
  func reset() { value.store(0, ordering: .relaxed) }

  func write(name: String, labels: String, to text: inout String) {
    text += PrometheusText.line(name, labels, String(value.load(ordering: .relaxed)))
  }
}

/// An amount that only grows.
final class FloatingPointCounterCell: FloatingPointCounterHandler, Series {
  private let value = AtomicDouble()

  func increment(by amount: Double) { value.add(amount) }
  func reset() { value.store(0) }

  func write(name: String, labels: String, to text: inout String) {
    text += PrometheusText.line(name, labels, PrometheusText.number(value.load()))
  }
}

/// A value that goes up and down; the last one counts.
final class GaugeCell: MeterHandler, RecorderHandler, Series {
  private let value = AtomicDouble()

  func set(_ value: Int64) { self.value.store(Double(value)) }
  func set(_ value: Double) { self.value.store(value) }
  func increment(by amount: Double) { value.add(amount) }
  func decrement(by amount: Double) { value.add(-amount) }
  func record(_ value: Int64) { self.value.store(Double(value)) }
  func record(_ value: Double) { self.value.store(value) }

  func write(name: String, labels: String, to text: inout String) {
    text += PrometheusText.line(name, labels, PrometheusText.number(value.load()))
  }
}

/// Sum and number of recorded values.
final class SummaryCell: RecorderHandler, Series {
  private let sum = AtomicDouble()
  private let count = Atomic<Int64>(0)

  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    sum.add(value)
    count.wrappingAdd(1, ordering: .relaxed)
  }

  func write(name: String, labels: String, to text: inout String) {
    text += PrometheusText.line(name + "_sum", labels, PrometheusText.number(sum.load()))
    text += PrometheusText.line(name + "_count", labels, String(count.load(ordering: .relaxed)))
  }
}

/// Durations by size, in buckets that fit calls from 50 µs to a minute.
final class HistogramCell: TimerHandler, Series {
  /// Upper bounds in nanoseconds; what is longer is in the last bucket, which has none.
  static let bounds: [Int64] = [
    50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000,
    50_000_000, 100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000,
    5_000_000_000, 10_000_000_000, 30_000_000_000, 60_000_000_000,
  ]

  private let buckets: [Bucket] = (0...HistogramCell.bounds.count).map { _ in Bucket() }
  private let sum = Atomic<Int64>(0)

  private final class Bucket: Sendable {
    let count = Atomic<Int64>(0)
  }

  func recordNanoseconds(_ duration: Int64) {
    let index = Self.bounds.firstIndex { duration <= $0 } ?? Self.bounds.count
    buckets[index].count.wrappingAdd(1, ordering: .relaxed)
    sum.wrappingAdd(duration, ordering: .relaxed)
  }

  func write(name: String, labels: String, to text: inout String) {
    var total: Int64 = 0
    for (index, bucket) in buckets.enumerated() {
      total &+= bucket.count.load(ordering: .relaxed)
      let bound =
        index < Self.bounds.count ? PrometheusText.number(Double(Self.bounds[index]) / 1e9) : "+Inf"
      text += PrometheusText.line(
        name + "_bucket", labels, extra: "le=\"\(bound)\"", String(total))
    }
    let seconds = Double(sum.load(ordering: .relaxed)) / 1e9
    text += PrometheusText.line(name + "_sum", labels, PrometheusText.number(seconds))
    text += PrometheusText.line(name + "_count", labels, String(total))
  }
}

/// A number that several threads add to without a lock.
private final class AtomicDouble: Sendable {
  private let bits = Atomic<UInt64>(0)

  func load() -> Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
  func store(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

  func add(_ amount: Double) {
    var old = bits.load(ordering: .relaxed)
    while true {
      let new = (Double(bitPattern: old) + amount).bitPattern
      let (isExchanged, current) = bits.weakCompareExchange(
        expected: old, desired: new, ordering: .relaxed)
      if isExchanged { return }
      old = current
    }
  }
}
