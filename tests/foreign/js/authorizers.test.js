'use strict'

const assert = require('node:assert/strict')
const { beforeEach, test } = require('node:test')
const { idOf, newClient, newType } = require('./sdk')

let writer
let authorizer
let reader
let type
let record
beforeEach(async () => {
  writer = await newClient('authorizing writer')
  authorizer = await newClient('authorizer')
  reader = await newClient('reader')
  type = newType('authorized')
  record = await writer.writeRecord(type, { word: 'hello' })
})

test('an authorizer shares on behalf of the writer, and takes that back', async () => {
  await writer.addAuthorizer(type, idOf(authorizer))
  await authorizer.shareOnBehalfOf(idOf(writer), type, idOf(reader))
  assert.equal((await reader.readRecord(record.meta.recordId)).data.word, 'hello')
  const [outgoing] = await writer.outgoingSharing()
  assert.deepEqual([outgoing.readerId, outgoing.recordType], [idOf(reader), type])
  await authorizer.revokeOnBehalfOf(idOf(writer), type, idOf(reader))
  await assert.rejects(reader.readRecord(record.meta.recordId), /Not Found/)
  assert.deepEqual(await writer.outgoingSharing(), [])
})

test('an authorizer does not read by that', async () => {
  await writer.addAuthorizer(type, idOf(authorizer))
  await assert.rejects(authorizer.readRecord(record.meta.recordId), /Not Found/)
})

test('nobody shares for others without having been authorized, or for another type', async () => {
  await assert.rejects(authorizer.shareOnBehalfOf(idOf(writer), type, idOf(reader)))
  await writer.addAuthorizer(newType('other'), idOf(authorizer))
  await assert.rejects(authorizer.shareOnBehalfOf(idOf(writer), type, idOf(reader)))
  await assert.rejects(reader.readRecord(record.meta.recordId), /Not Found/)
})

test('a removed authorizer shares no longer, and what it shared stays', async () => {
  const other = await newClient('other reader')
  await writer.addAuthorizer(type, idOf(authorizer))
  await authorizer.shareOnBehalfOf(idOf(writer), type, idOf(reader))
  await writer.removeAuthorizer(type, idOf(authorizer))
  await assert.rejects(authorizer.shareOnBehalfOf(idOf(writer), type, idOf(other)))
  assert.equal((await reader.readRecord(record.meta.recordId)).data.word, 'hello')
})

test('both sides see who is authorized', async () => {
  assert.deepEqual(await writer.getAuthorizers(), [])
  await writer.addAuthorizer(type, idOf(authorizer))
  for (const listed of [await writer.getAuthorizers(), await authorizer.getAuthorizedBy()]) {
    assert.equal(listed.length, 1)
    const { authorizerId, writerId, recordType, authorizedBy } = listed[0]
    const expected = [idOf(authorizer), idOf(writer), type, idOf(writer)]
    assert.deepEqual([authorizerId, writerId, recordType, authorizedBy], expected)
  }
  await writer.removeAuthorizer(type, idOf(authorizer))
  assert.deepEqual(await writer.getAuthorizers(), [])
  assert.deepEqual(await authorizer.getAuthorizedBy(), [])
})
