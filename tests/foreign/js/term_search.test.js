'use strict'

const assert = require('node:assert/strict')
const { before, test } = require('node:test')
const { Tozny, newClient, newType } = require('./sdk')

let writer
let type
let begun
before(async () => {
  writer = await newClient('term searcher')
  type = newType('music')
  begun = new Date(Date.now() - 60000)
  for (const [instrument, place] of [['trumpet', 'New Orleans'], ['guitar', 'Detroit'], ['violin', 'New York']]) {
    await writer.writeRecord(type, { instrument }, { instrument, place })
  }
  await writer.writeRecord(newType('noise'), { instrument: 'drum' }, { instrument: 'drum' })
})

// The instruments that a search finds, from the data.
async function instruments(build, { count = 50 } = {}) {
  const found = await (await writer.search(build(new Tozny.types.Search(true, false, count)))).next()
  return found.map((record) => record.data.instrument)
}

for (const [strategy, value, expected] of [
  ['EXACT', 'trumpet', ['trumpet']],
  ['EXACT', 'trumpe', []],
  ['FUZZY', 'trumpets', ['trumpet']],
  ['WILDCARD', '?uit*', ['guitar']],
  ['WILDCARD', 'New *', ['trumpet', 'violin']],
  ['REGEXP', '(violin|guitar)', ['guitar', 'violin']],
]) {
  test(`${strategy} ${value}`, async () => {
    const found = await instruments((search) => search.match({ type, values: [value] }, 'AND', strategy))
    assert.deepEqual(found.sort(), expected)
  })
}

test('several terms hold all or one', async () => {
  const terms = { keys: ['instrument'], values: ['guitar'] }
  assert.deepEqual(await instruments((search) => search.match({ type, ...terms }, 'AND')), ['guitar'])
  const either = await instruments((search) => search.match({ values: ['guitar', 'violin'] }, 'OR'))
  assert.deepEqual(either.sort(), ['guitar', 'violin'])
})

test('what is excluded is not found, whatever else holds', async () => {
  const found = await instruments((search) => search.match({ type }).exclude({ values: ['guitar'] }))
  assert.deepEqual(found, ['trumpet', 'violin'])
})

test('results come in the order asked for, page by page', async () => {
  assert.deepEqual(await instruments((search) => search.match({ type })), ['trumpet', 'guitar', 'violin'])
  const search = new Tozny.types.Search(true, false, 2).match({ type })
  search.order('DESCENDING')
  const pages = await writer.search(search)
  const [first, second] = [await pages.next(), await pages.next()]
  assert.deepEqual(first.map((record) => record.data.instrument), ['violin', 'guitar'])
  assert.deepEqual(second.map((record) => record.data.instrument), ['trumpet'])
})

test('times bound what is found', async () => {
  const within = (from, to) => instruments((search) => search.match({ type }).range(from, to, 'CREATED'))
  const later = new Date(Date.now() + 60000)
  assert.equal((await within(begun, later)).length, 3)
  assert.deepEqual(await within(later, new Date(Date.now() + 120000)), [])
})
