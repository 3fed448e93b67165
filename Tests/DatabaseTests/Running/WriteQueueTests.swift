import TestSupport
import Testing

@testable import Database

/// The queue against a log that fails now and then, with answers in any order that a log may give.
@Suite struct `Queue of writes with running columns` {
  /// A log of numbers: each says how many came before it.
  private struct Model {
    var stored: [(job: Int, sum: Int)] = []
    /// The running sum that the next number is added to; jobs add themselves.
    var sum = 0
    var pending: [(number: UInt64, job: Int, sum: Int, expected: Int)] = []
    var waiting: [(UInt64, WriteQueue<Int, Int>.Answer)] = []
    var failed: Set<Int> = []

    /// The log takes the next group, in order.
    mutating func takeNext(using random: inout SeededRandom) {
      guard !pending.isEmpty else { return }
      let next = pending.removeFirst()
      if next.expected != stored.count {
        waiting.append((next.number, .refused))
      } else if Int.random(in: 0..<5, using: &random) == 0 {
        failed.insert(next.job)
        waiting.append((next.number, .notStored))
      } else {
        stored.append((next.job, next.sum))
        waiting.append((next.number, .stored))
      }
    }

    /// An answer comes back: those of failures may overtake the others.
    mutating func answer(_ queue: inout WriteQueue<Int, Int>, using random: inout SeededRandom) {
      guard let index = waiting.indices.randomElement(using: &random) else { return }
      let answer = waiting.remove(at: index)
      queue.answer(answer.0, answer.1)
    }
  }

  @Test func `what is stored was computed behind what is stored before it, in order`() {
    let seed = UInt64.random(in: .min ... .max)
    print("seed of the queue: \(seed)")
    var random = SeededRandom(seed: seed)
    for _ in 0..<200 {
      var queue = WriteQueue<Int, Int>()
      var model = Model()
      var nextOffset = 0
      var added = 0
      while added < 40 || !model.pending.isEmpty || !model.waiting.isEmpty {
        switch Int.random(in: 0..<4, using: &random) {
        case 0 where added < 40:
          added += 1
          queue.add(added)
        case 1: model.takeNext(using: &random)
        default: model.answer(&queue, using: &random)
        }
        guard queue.beginSteps() else { continue }
        while let step = queue.nextStep() {
          switch step {
          case .handOver(let job, let isFirst):
            if isFirst { nextOffset = model.stored.count }
            // While it is computed, the log goes on and answers.
            for _ in 0..<Int.random(in: 0..<3, using: &random) {
              model.takeNext(using: &random)
              model.answer(&queue, using: &random)
            }
            model.sum += job
            let number = queue.handedOver(job, job)
            model.pending.append((number, job, model.sum, nextOffset))
            nextOffset += 1
          case .takeBack(let undos): for undo in undos { model.sum -= undo }
          case .keep: break
          case .yield: Issue.record("nobody has asked for it")
          }
        }
      }
      #expect(model.stored.map(\.job) == (1...40).filter { !model.failed.contains($0) })
      var sum = 0
      for (job, found) in model.stored {
        sum += job
        #expect(found == sum)
      }
    }
  }

  @Test func `who asks for a pause gets it when all is answered, and others wait`() {
    var queue = WriteQueue<Int, Int>()
    queue.add(1)
    #expect(begins(&queue))
    guard case .handOver(1, isFirst: true)? = next(&queue) else { return #expect(Bool(false)) }
    let number = queue.handedOver(1, 1)
    #expect(next(&queue).isNone)
    queue.askForPause()
    queue.add(2)
    #expect(begins(&queue))
    #expect(next(&queue).isNone)
    queue.answer(number, .stored)
    #expect(begins(&queue))
    guard case .keep([1])? = next(&queue) else { return #expect(Bool(false)) }
    guard case .yield? = next(&queue) else { return #expect(Bool(false)) }
    #expect(!begins(&queue))
    queue.endPause()
    #expect(begins(&queue))
    guard case .handOver(2, isFirst: true)? = next(&queue) else { return #expect(Bool(false)) }
  }
}

private func begins(_ queue: inout WriteQueue<Int, Int>) -> Bool { queue.beginSteps() }

private func next(_ queue: inout WriteQueue<Int, Int>) -> WriteQueue<Int, Int>.Step? {
  queue.nextStep()
}

extension Optional {
  fileprivate var isNone: Bool {
    if case .none = self { return true }
    return false
  }
}
