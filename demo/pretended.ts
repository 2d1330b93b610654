/** Where everybody in the demo seems to come from. Nobody on this machine has an address that could be let in. */
export const pretendedAddress = '81.2.69.142'
