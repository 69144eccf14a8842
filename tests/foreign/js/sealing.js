'use strict'

// Records a second that the JavaScript SDK seals and opens: see ../sealing.py.

const assert = require('node:assert/strict')
const Tozny = require('@toznysecure/sdk/node')
const { newClient } = require('./sdk')

const seconds = Number(process.env.SECONDS)

async function rate(work) {
  const begun = performance.now()
  let times = 0
  while (performance.now() - begun < seconds * 1000) {
    await work()
    times += 1
  }
  return (times * 1000) / (performance.now() - begun)
}

async function main() {
  const data = Object.fromEntries(Array.from({ length: 10 }, (_, number) => [`field${number}`, 'v'.repeat(100)]))
  const client = await newClient('sealing')
  const plain = await client.writeRecord('bench.type', data)
  const key = await Tozny.crypto.randomKey()
  const sealed = await Tozny.crypto.encryptRecord(plain, key)
  const opened = await Tozny.crypto.decryptRecord(sealed, key)
  assert.deepEqual({ ...opened.data }, data)
  const seal = await rate(() => Tozny.crypto.encryptRecord(plain, key))
  const open = await rate(() => Tozny.crypto.decryptRecord(sealed, key))
  console.log(`${seal.toFixed(0)} ${open.toFixed(0)}`)
}

main()
