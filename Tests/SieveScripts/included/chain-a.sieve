require "include"; include "chain-b";
