'use strict'

const assert = require('node:assert/strict')
const { before, test } = require('node:test')
const { Tozny, idOf, newClient, newType } = require('../sdk')

// A record of each kind, as its reader sees it: its own, one shared with it, and two shared with groups of its.
let writer
let reader
let groups
let types
before(async () => {
  writer = await newClient('searched writer')
  reader = await newClient('searching reader')
  types = Object.fromEntries(['own', 'direct', 'first', 'second', 'both'].map((word) => [word, newType(word)]))
  await reader.writeRecord(types.own, { word: 'own' })
  for (const word of ['direct', 'first', 'second', 'both']) await writer.writeRecord(types[word], { word })
  groups = []
  for (const word of ['first', 'second']) {
    const { group } = await writer.createGroup(newType('group'), { manage: true, read: true, share: true })
    await writer.addGroupMembers(group.groupID, [new Tozny.types.GroupMember(idOf(reader), { read: true })])
    await writer.shareRecordWithGroup(group.groupID, types[word])
    groups.push(group.groupID)
  }
  await writer.shareRecordWithGroup(groups[0], types.both)
  for (const word of ['direct', 'both']) await writer.share(types[word], idOf(reader))
})

// The words that a search finds. The SDK opens each, so that their keys are right too.
async function words(client, filters, match) {
  const { all = false, groupIds = [], onlyGroups = false, noGroups = false, onlyShares = false } = filters
  const request = new Tozny.types.Search(true, all, 50, 0, groupIds, onlyGroups, noGroups, onlyShares)
  if (match) request.match(match)
  const found = await (await client.search(request)).next()
  return found.map((record) => record.data.word).sort()
}

test('without filters one finds ones own records', async () => {
  assert.deepEqual(await words(reader, {}), ['own'])
})

test('with all writers one finds all that one may read, each once', async () => {
  assert.deepEqual(await words(reader, { all: true }), ['both', 'direct', 'first', 'own', 'second'])
})

test('without groups, what came through them alone is left out', async () => {
  assert.deepEqual(await words(reader, { all: true, noGroups: true }), ['both', 'direct', 'own'])
})

test('of groups alone', async () => {
  assert.deepEqual(await words(reader, { all: true, onlyGroups: true }), ['both', 'first', 'second'])
})

test('of named groups', async () => {
  const of = (groupIds) => words(reader, { all: true, onlyGroups: true, groupIds })
  assert.deepEqual(await of([groups[0]]), ['both', 'first'])
  assert.deepEqual(await of([groups[1]]), ['second'])
  assert.deepEqual(await of(groups), ['both', 'first', 'second'])
})

test('of groups, by terms', async () => {
  assert.deepEqual(await words(reader, { all: true, onlyGroups: true }, { type: types.first }), ['first'])
  assert.deepEqual(await words(reader, { all: true, onlyGroups: true }, { type: types.direct }), [])
})

test('those who are not in a group find nothing of it', async () => {
  const stranger = await newClient('searching stranger')
  assert.deepEqual(await words(stranger, { all: true, onlyGroups: true, groupIds: groups }), [])
})

test('a writer finds what it shares directly', async () => {
  assert.deepEqual(await words(writer, { onlyShares: true }), ['both', 'direct'])
})
