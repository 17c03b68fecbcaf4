require "include"; include "goes-back"; keep;
