'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { idOf, newClient, newType } = require('./sdk')

test('what is sealed locally is opened by its writer, and by a reader with the key', async () => {
  const [writer, reader, type] = [await newClient('local writer'), await newClient('local reader'), newType('local')]
  const own = await writer.createWriterKey(type)
  const sealed = await writer.localEncrypt(type, { word: 'hello' }, own, { label: 'seen' })
  assert.notEqual(sealed.data.word, 'hello')
  assert.equal((await writer.localDecrypt(sealed, own)).data.word, 'hello')
  await writer.share(type, idOf(reader))
  const key = await reader.getReaderKey(idOf(writer), idOf(writer), type)
  assert.equal((await reader.localDecrypt(sealed, key)).data.word, 'hello')
})

test('there is no key to what is not shared', async () => {
  const [writer, reader, type] = [await newClient('local writer'), await newClient('local reader'), newType('local')]
  await writer.createWriterKey(type)
  assert.equal(await reader.getReaderKey(idOf(writer), idOf(writer), type), null)
})
