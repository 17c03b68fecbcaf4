require "include"; if false { include "chain-c"; include "chain-b"; } include "chain-a";
