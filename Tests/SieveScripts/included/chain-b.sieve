require "include"; include "chain-c";
